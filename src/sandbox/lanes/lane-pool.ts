import { BrokerError } from '../../errors.ts';
import { epochMs, SLOTS_MAX } from '../protocol.ts';
import type { Convictions } from './convictions.ts';
import { ABORTED, type Job } from './job.ts';
import { Lane, type Lost } from './lane.ts';
import type { OpenLink } from './link.ts';
import { Queue } from './queue.ts';
import type { Room } from './room.ts';

export interface LanePoolOptions {
  readonly lanes: number;
  readonly slotsPerLane: number;
  /** A lane is replaced after so many invocations; null: never. */
  readonly recycleAfter: number | null;
  readonly open: OpenLink;
  readonly convictions: Convictions;
  readonly room: Room;
  /** Nothing waits or runs here any more. */
  readonly onIdle?: (() => void) | undefined;
  /** The other side's clock is only a report: what runs far too long by the broker's own is ended. */
  readonly distrustsClock: boolean;
  /** Somebody gave back room. */
  readonly onRoom?: (() => void) | undefined;
  readonly onLaneReady?: ((lane: number) => void) | undefined;
  readonly onLaneLost?: ((lane: number, reason: string) => void) | undefined;
}

/** How often running guests are compared with their wall time. */
const WATCH_INTERVAL_MS = 25;
/** A replacement waits this long per loss in a row, so that a poisonous module cannot spin the pool. */
const RESPAWN_BACKOFF_MS = 50;
const RESPAWN_BACKOFF_MAX_MS = 5_000;
/** Lanes lost in a row before one of them became ready, after which nobody waits for the next. */
const FAILED_STARTS_MAX = 5;

/**
 * Lanes, and the jobs that wait for one. A lost lane is replaced and its jobs are run again; those that may have been
 * the reason run alone, one at a time.
 */
export class LanePool {
  readonly #options: LanePoolOptions;
  #lanes: readonly Lane[] = [];
  readonly #waiting = new Queue<Job>();
  readonly #suspects = new Queue<Job>();
  readonly #watch: NodeJS.Timeout;
  readonly #respawns = new Set<NodeJS.Timeout>();
  #size: number;
  #slots: number;
  #nextIndex = 0;
  #lossesInARow = 0;
  #failedStarts = 0;
  #closing = false;
  #idle: (() => void) | null = null;

  constructor(options: LanePoolOptions) {
    this.#options = options;
    this.#size = options.lanes;
    this.#slots = options.slotsPerLane;
    this.#fill();
    this.#watch = setInterval(() => this.#checkLanes(), WATCH_INTERVAL_MS);
    this.#watch.unref();
  }

  /** Jobs that have been accepted and are not done. */
  get pending(): number {
    let pending = this.#waiting.size + this.#suspects.size;
    for (const lane of this.#lanes) pending += lane.inFlight;
    return pending;
  }

  /** Lanes that can run guests now. */
  get ready(): number {
    return this.#lanes.filter((lane) => lane.state === 'ready').length;
  }

  submit(job: Job): void {
    if (this.#closing) throw new BrokerError('ERR_ABORTED', 'the sandbox is closed');
    this.#waiting.push(job);
    this.dispatch();
  }

  /** Ends a job, wherever it is, as aborted. Does nothing when it is done. */
  cancel(job: Job): void {
    for (const queue of [this.#waiting, this.#suspects]) {
      if (!queue.remove(job)) continue;
      job.abort?.abort();
      job.done({ verdict: ABORTED, wallMs: 0 });
      this.dispatch();
      return;
    }
    for (const lane of this.#lanes) lane.cancel(job);
  }

  /** Changes size and slots while jobs run: what shrinks takes no more jobs, and nothing is broken off. */
  configure({ lanes, slotsPerLane }: { readonly lanes?: number; readonly slotsPerLane?: number }): void {
    this.#size = lanes ?? this.#size;
    this.#slots = Math.min(slotsPerLane ?? this.#slots, SLOTS_MAX);
    const usable = this.#usable();
    for (const lane of usable.sort((a, b) => b.inFlight - a.inFlight).slice(this.#size)) this.#retire(lane);
    this.#fill();
    this.dispatch();
  }

  /** Ends a lane at once, as if it had been lost. False when there is none. */
  kill(reason: string): boolean {
    const [lane] = this.#usable().sort((a, b) => b.inFlight - a.inFlight);
    lane?.kill(reason);
    return lane !== undefined;
  }

  /** Waits for what runs, then ends every lane. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.pending > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    clearInterval(this.#watch);
    for (const timer of this.#respawns) clearTimeout(timer);
    this.#respawns.clear();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** Sends waiting jobs to lanes, as far as there is room. */
  dispatch(): void {
    this.#dispatchSuspect();
    for (let job = this.#waiting.first; job !== null; job = this.#waiting.first) {
      const verdict = this.#options.convictions.verdictOn(job);
      const lane = verdict === null ? this.#freest() : null;
      if (verdict === null && (lane === null || !this.#options.room.fits(job))) break;
      this.#waiting.shift();
      if (verdict !== null) job.done({ verdict, wallMs: 0 });
      else if (lane !== null) this.#send(lane, job);
    }
    if (this.#waiting.size > 0 || this.pending > 0) return;
    if (this.#closing) this.#idle?.();
    this.#options.onIdle?.();
  }

  #send(lane: Lane, job: Job): void {
    this.#options.room.take(job);
    lane.dispatch(job);
  }

  /** At most one suspect runs at a time, on a lane without anybody else; the freest lane is emptied for it. */
  #dispatchSuspect(): void {
    for (let job = this.#suspects.first; job !== null; job = this.#suspects.first) {
      const usable = this.#usable();
      if (usable.some((lane) => lane.suspect !== null)) return;
      const verdict = this.#options.convictions.verdictOn(job);
      if (verdict !== null) {
        this.#suspects.shift();
        job.done({ verdict, wallMs: 0 });
        continue;
      }
      const lane =
        usable.find((other) => other.reserved) ?? usable.sort((a, b) => a.inFlight - b.inFlight)[0];
      if (lane === undefined) return;
      lane.reserved = true;
      if (lane.inFlight > 0) return;
      this.#suspects.shift();
      lane.suspect = job;
      this.#send(lane, job);
      return;
    }
    for (const lane of this.#lanes) if (lane.suspect === null) lane.reserved = false;
  }

  #usable(): Lane[] {
    return this.#lanes.filter(({ state }) => state === 'starting' || state === 'ready');
  }

  /** The lane with the most free slots, or null. */
  #freest(): Lane | null {
    let best: Lane | null = null;
    for (const lane of this.#lanes) {
      if (lane.takesJobs && lane.slotsInUse < (best?.slotsInUse ?? this.#slots)) best = lane;
    }
    return best;
  }

  #fill(): void {
    for (let missing = this.#size - this.#usable().length - this.#respawns.size; missing > 0; missing -= 1)
      this.#open();
  }

  #open(): void {
    const lane = new Lane(this.#options.open, {
      index: this.#nextIndex++,
      distrustsClock: this.#options.distrustsClock,
      onReady: () => {
        this.#failedStarts = 0;
        this.#options.onLaneReady?.(lane.index);
        this.dispatch();
      },
      onFree: (_, job, peakBytes) => this.#freed(lane, job, peakBytes),
      onSkipped: () => this.dispatch(),
      onDead: (_, reason, lost) => this.#replace(lane, reason, lost),
    });
    this.#lanes = [...this.#lanes, lane];
  }

  #freed(lane: Lane, job: Job, peakBytes: number | null): void {
    if (lane.state !== 'dead') this.#lossesInARow = 0;
    const wasShort = this.#options.room.isShort;
    this.#options.room.giveBack(job, peakBytes);
    if (job.losses > 0 && lane.state !== 'dead') this.#options.convictions.acquit(job);
    const { recycleAfter } = this.#options;
    if (recycleAfter !== null && lane.served >= recycleAfter) lane.retire();
    if (lane.state === 'retiring') this.#retire(lane);
    this.dispatch();
    if (wasShort) this.#options.onRoom?.();
  }

  /** Takes a lane out of service; it ends when it has finished what it has. */
  #retire(lane: Lane): void {
    lane.retire();
    if (lane.inFlight === 0) void lane.close();
    if (!this.#closing) this.#fill();
  }

  #replace(lane: Lane, reason: string | null, lost: readonly Lost[]): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane);
    for (const { job } of lost) this.#options.room.giveBack(job, null);
    this.#runAgain(lane, lost);
    if (reason !== null || lost.length > 0) {
      this.#options.onLaneLost?.(lane.index, reason ?? 'it ended by itself');
      if (!lane.wasReady) this.#failedStarts += 1;
      if (this.#failedStarts >= FAILED_STARTS_MAX) this.#giveUp(reason ?? 'it ended by itself');
      this.#respawn();
    }
    this.dispatch();
  }

  /** Jobs that had not begun are innocent; so are the others, unless the clock named one, or it happened to them before. */
  #runAgain(lane: Lane, lost: readonly Lost[]): void {
    const culpritKnown = lost.some(({ running }) => running);
    const again: Job[] = [];
    // By their age: the order of slots says nothing.
    for (const { job, entered, running } of lost.toSorted((a, b) => a.job.queuedAtMs - b.job.queuedAtMs)) {
      // A lane that never was ready says nothing about who waited for it.
      if (!lane.wasReady) {
        again.push(job);
        continue;
      }
      job.losses += 1;
      const alone = lane.suspect === job;
      if (alone) this.#options.convictions.lostAlone(job);
      const suspect = alone || (entered && (running || !culpritKnown)) || job.losses > 1;
      if (suspect) this.#suspects.push(job);
      else again.push(job);
    }
    this.#waiting.pushFirst(again);
  }

  #respawn(): void {
    if (this.#closing && this.pending === 0) return;
    const waitMs = Math.min(RESPAWN_BACKOFF_MS * (2 ** this.#lossesInARow - 1), RESPAWN_BACKOFF_MAX_MS);
    this.#lossesInARow += 1;
    const timer = setTimeout(() => {
      this.#respawns.delete(timer);
      this.#fill();
      this.dispatch();
    }, waitMs);
    this.#respawns.add(timer);
  }

  /** Lanes do not start any more: whoever waits here is better off elsewhere. */
  #giveUp(reason: string): void {
    const jobs = [...this.#suspects.takeAll(), ...this.#waiting.takeAll()];
    const message = `no lane could be started: ${reason}`;
    for (const job of jobs)
      job.done({ verdict: { kind: 'aborted', code: 'ERR_LANE_LOST', message }, wallMs: 0 });
  }

  #checkLanes(): void {
    const nowMs = epochMs();
    for (const lane of this.#lanes) lane.watch(nowMs);
    this.#shareWork();
  }

  /** What waits behind a long guest goes to lanes that have nothing to do; as much stays as each of these gets. */
  #shareWork(): void {
    const idle = this.#lanes.filter((lane) => lane.isIdle && lane.takesJobs).length;
    if (idle === 0 || this.#waiting.size > 0) return;
    const recalled = this.#lanes.flatMap((lane) => lane.recall(idle / (idle + 1)));
    if (recalled.length === 0) return;
    for (const job of recalled) this.#options.room.giveBack(job, null);
    this.#waiting.pushFirst(recalled.sort((a, b) => a.queuedAtMs - b.queuedAtMs));
    this.dispatch();
  }
}
