import { Piscina } from 'piscina';
import { BrokerError } from '../../errors.ts';
import { epochMs } from '../protocol.ts';
import type { Job } from './job.ts';
import { ABORTED, Lane } from './lane.ts';

export interface LanePoolOptions {
  readonly lanes: number;
  readonly slotsPerLane: number;
  readonly onLaneReady?: (lane: number) => void;
  readonly onLaneLost?: (lane: number, reason: string) => void;
}

/** How often running guests are compared with their wall time. */
const WATCH_INTERVAL_MS = 25;
/** A replacement waits this long per loss in a row, so that a poisonous module cannot spin the pool. */
const RESPAWN_BACKOFF_MS = 50;
const RESPAWN_BACKOFF_MAX_MS = 5_000;
/** Bounds the JavaScript heap of a lane; linear memories are bounded by the modules themselves. */
const LANE_HEAP_MB = 256;

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../worker/entry.ts' : '../worker/entry.js',
  import.meta.url,
);

/** Piscina owns the threads, lanes own the traffic. Jobs wait here for a free slot. */
export class LanePool {
  readonly #options: LanePoolOptions;
  readonly #piscina: Piscina;
  readonly #lanes: Lane[] = [];
  readonly #waiting: Job[] = [];
  readonly #watch: NodeJS.Timeout;
  readonly #respawns = new Set<NodeJS.Timeout>();
  #lossesInARow = 0;
  #closing = false;
  #idle: (() => void) | null = null;

  constructor(options: LanePoolOptions) {
    this.#options = options;
    this.#piscina = new Piscina({
      filename: ENTRY.href,
      minThreads: options.lanes,
      maxThreads: options.lanes,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      env: {},
      execArgv: [],
      argv: [],
      resourceLimits: { maxOldGenerationSizeMb: LANE_HEAP_MB },
    });
    for (let index = 0; index < options.lanes; index += 1) this.#open(index);
    this.#watch = setInterval(() => this.#checkWallTime(), WATCH_INTERVAL_MS);
    this.#watch.unref();
  }

  /** Jobs that have been accepted and are not done. */
  get pending(): number {
    return this.#waiting.length + this.#lanes.reduce((sum, lane) => sum + lane.inFlight, 0);
  }

  submit(job: Job): void {
    if (this.#closing) throw new BrokerError('ERR_ABORTED', 'the sandbox is closed');
    this.#waiting.push(job);
    this.#dispatch();
  }

  /** Ends a job, wherever it is, as aborted. Does nothing when it is done. */
  cancel(job: Job): void {
    const place = this.#waiting.indexOf(job);
    if (place < 0) {
      for (const lane of this.#lanes) lane.cancel(job);
      return;
    }
    this.#waiting.splice(place, 1);
    job.done({ verdict: ABORTED, wallMs: 0 });
    if (this.#closing && this.pending === 0) this.#idle?.();
  }

  /** Waits for what runs, then ends every thread. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.pending > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    clearInterval(this.#watch);
    for (const timer of this.#respawns) clearTimeout(timer);
    await Promise.all(this.#lanes.map((lane) => lane.close()));
    await this.#piscina.destroy();
  }

  #open(index: number): void {
    this.#lanes[index] = new Lane(this.#piscina, {
      index,
      slots: this.#options.slotsPerLane,
      onReady: () => {
        this.#options.onLaneReady?.(index);
        this.#dispatch();
      },
      onFree: () => {
        this.#lossesInARow = 0;
        this.#dispatch();
      },
      onDead: (lane, reason, unstarted) => this.#replace(lane, reason, unstarted),
    });
  }

  /** The job goes to the lane with the most free slots. */
  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#lanes.reduce((best, other) => (other.freeSlots > best.freeSlots ? other : best));
      if (lane.freeSlots === 0) return;
      lane.dispatch(this.#waiting.shift()!);
    }
    if (this.#closing && this.pending === 0) this.#idle?.();
  }

  #replace(lane: Lane, reason: string, unstarted: readonly Job[]): void {
    this.#waiting.unshift(...unstarted);
    if (this.#closing && this.pending === 0) {
      this.#idle?.();
      return;
    }
    this.#options.onLaneLost?.(lane.index, reason);
    const waitMs = Math.min(RESPAWN_BACKOFF_MS * (2 ** this.#lossesInARow - 1), RESPAWN_BACKOFF_MAX_MS);
    this.#lossesInARow += 1;
    const timer = setTimeout(() => {
      this.#respawns.delete(timer);
      this.#open(lane.index);
      this.#dispatch();
    }, waitMs);
    this.#respawns.add(timer);
  }

  #checkWallTime(): void {
    const nowMs = epochMs();
    for (const lane of this.#lanes) lane.checkWallTime(nowMs);
  }
}
