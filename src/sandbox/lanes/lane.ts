import type { Aborted } from '../../model/outcome.ts';
import {
  type CallMessage,
  CLAIM,
  CLOCK_RUNNING,
  clockOf,
  epochMs,
  NOT_RUNNING,
  type ResultMessage,
} from '../protocol.ts';
import { answerOf } from './call-tape.ts';
import { ABORTED, type GivenAnswer, type Job } from './job.ts';
import { type LaneState, laneStateAfter } from './lane-state.ts';
import type { LaneLink, OpenLink } from './link.ts';
import { Outbox } from './outbox.ts';
import { readBatch, readResult } from './report.ts';
import { Slots } from './slots.ts';
import { elapsedMs, type Replies, wallTimeVerdict } from './wall-time.ts';

export interface LaneOptions {
  readonly index: number;
  /** The other side's clock is only a report: what runs far too long by the broker's own is ended. */
  readonly distrustsClock: boolean;
  readonly onReady: (lane: Lane) => void;
  /** `job` is done and its slot is free. */
  readonly onFree: (lane: Lane, job: Job, peakBytes: number | null) => void;
  /** A slot is free whose job was recalled. */
  readonly onSkipped: (lane: Lane) => void;
  /** The other side is gone. What was on it and has no verdict is handed back. */
  readonly onDead: (lane: Lane, reason: string | null, lost: readonly Lost[]) => void;
}

/** A job whose lane is gone. */
export interface Lost {
  readonly job: Job;
  /** Its guest may have begun. */
  readonly entered: boolean;
  /** Its guest was the one that ran, as far as the clock says. */
  readonly running: boolean;
}

interface Flight extends Replies {
  readonly job: Job;
  /** The latest that it can have an answer by the broker's own clock. */
  readonly dueAtMs: number;
  /** Host calls of this run. */
  calls: number;
  cancelledAtMs: number | null;
  /** It was not entered when the lane was last looked at. */
  isBehind: boolean;
  /** Why it was cancelled: the caller, another course than before, or (null) the clock. */
  verdict: Aborted | null;
}

const DIVERGED: Aborted = Object.freeze({
  kind: 'aborted',
  code: 'ERR_LANE_LOST',
  message: 'the lane was lost, and when run again the handler made other host calls than before',
});

/** A guest past its wall time has this long to notice its cancellation before its lane is ended. */
const CANCEL_GRACE_MS = 100;
/** A lane in which no guest runs has this long to answer. */
const ANSWER_WITHIN_MS = 5_000;

/** One worker for as long as it lives, in a thread or a process; many invocations in flight. */
export class Lane {
  readonly index: number;
  #state: LaneState = 'starting';
  readonly #options: LaneOptions;
  readonly #link: LaneLink;
  readonly #flights = new Slots<Flight>();
  /** Slots whose jobs went to another lane; the other side has not come to them yet. */
  readonly #recalled = new Set<number>();
  readonly #outbox: Outbox;
  readonly #ended: Promise<void>;
  /** Host calls that are not answered yet. */
  #openCalls = 0;
  #killReason: string | null = null;
  #heardAtMs = epochMs();
  #pinged = false;
  /** Invocations that ended here. */
  served = 0;
  wasReady = false;
  /** Takes no neighbours for the one that runs here or will. */
  reserved = false;
  /** The invocation that runs alone here. */
  suspect: Job | null = null;

  constructor(open: OpenLink, options: LaneOptions) {
    this.index = options.index;
    this.#options = options;
    this.#link = open((batch) => this.#receive(batch));
    this.#outbox = new Outbox(this.#link);
    this.#ended = this.#link.ended.then((reason) => this.#end(this.#killReason ?? reason));
  }

  get state(): LaneState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  get slotsInUse(): number {
    return this.#flights.size + this.#recalled.size;
  }

  /** Nothing runs here, and nothing waited here when it was last looked at. */
  get isIdle(): boolean {
    const { clock } = this.#link;
    return this.#state === 'ready' && clock[CLOCK_RUNNING] === NOT_RUNNING && this.#behind().length === 0;
  }

  get takesJobs(): boolean {
    return !this.reserved && (this.#state === 'starting' || this.#state === 'ready');
  }

  /** Sends a job to the other side. */
  dispatch(job: Job): void {
    if (this.#flights.size === 0) this.#heardAtMs = epochMs();
    const slot = this.#flights.put({
      job,
      dueAtMs: this.#dueAtMs(job),
      calls: 0,
      sent: 0,
      lastSentAtMs: 0,
      cancelledAtMs: null,
      isBehind: false,
      verdict: null,
    });
    const { claims } = this.#link;
    if (claims !== null) Atomics.store(claims, slot, CLAIM.free);
    this.#outbox.send({
      type: 'invoke',
      slot,
      moduleId: this.#outbox.moduleId(job.artifact),
      limitsId: this.#outbox.limitsId(job.authority.limits),
      input: job.input,
      config: job.config,
      step: job.step,
      timeMs: job.timeMs,
      seed: job.seed,
      logLevel: job.logLevel,
      mayWait: job.mayWait,
    });
  }

  /** Cancels guests past their wall time; ends the lane when it does not answer. Called periodically. */
  watch(nowMs: number): void {
    const { clock } = this.#link;
    for (const [slot, flight] of this.#flights) {
      const { job, cancelledAtMs } = flight;
      flight.isBehind = clock[clockOf(slot)] === 0;
      if (cancelledAtMs === null) {
        const wallMs = elapsedMs(clock, slot, flight, nowMs);
        if (wallMs > job.authority.limits.wall_ms) this.#cancel(slot, flight, nowMs);
      } else if (nowMs - cancelledAtMs > CANCEL_GRACE_MS && clock[CLOCK_RUNNING] === slot) {
        this.kill(`the guest in slot ${slot} does not yield`);
        return;
      }
      if (nowMs > flight.dueAtMs) {
        this.kill('it does not come to an end');
        return;
      }
    }
    if (this.#flights.size > 0) this.#watchAnswers(nowMs);
  }

  /**
   * Takes back this share of the jobs that have waited since the lane was last looked at, those that came last. None
   * that was entered: the first to claim an invocation has it, and the other side skips what it comes too late for.
   */
  recall(share: number): Job[] {
    const { claims } = this.#link;
    if (claims === null || this.suspect !== null) return [];
    const behind = this.#behind().filter(([, flight]) => flight.cancelledAtMs === null);
    behind.sort(([, a], [, b]) => b.job.queuedAtMs - a.job.queuedAtMs);
    const recalled: Job[] = [];
    for (const [slot, { job }] of behind.slice(0, Math.ceil(behind.length * share))) {
      if (Atomics.compareExchange(claims, slot, CLAIM.free, CLAIM.recalled) !== CLAIM.free) continue;
      this.#flights.withdraw(slot);
      this.#recalled.add(slot);
      recalled.push(job);
    }
    return recalled;
  }

  /** What was not entered when the lane was last looked at. */
  #behind(): (readonly [slot: number, flight: Flight])[] {
    return [...this.#flights].filter(([, flight]) => flight.isBehind);
  }

  /** Ends a job of this lane as aborted. */
  cancel(job: Job): void {
    for (const [slot, flight] of this.#flights) {
      if (flight.job !== job || flight.cancelledAtMs !== null) continue;
      flight.verdict = ABORTED;
      this.#cancel(slot, flight, epochMs());
    }
  }

  /** Ends the other side at once. Its invocations are settled or handed back by `onDead`. */
  kill(reason: string): void {
    this.#killReason ??= reason;
    this.#link.kill();
  }

  /** Takes no more jobs. */
  retire(): void {
    if (this.#state === 'starting' || this.#state === 'ready') this.#become('retiring');
  }

  /** Lets the other side end by itself. No job may be in flight. */
  async close(): Promise<void> {
    if (this.#state !== 'dead' && this.#state !== 'closing') {
      this.#become('closing');
      this.#outbox.sendObject({ type: 'close' });
    }
    await this.#ended;
  }

  /** untrusted: the other side is the hostile one. */
  #receive(posted: unknown): void {
    const batch = readBatch(posted);
    if (batch === null) {
      this.kill('it sent what is not a message');
      return;
    }
    this.#heardAtMs = epochMs();
    this.#pinged = false;
    for (const message of batch) {
      if (message.type === 'ready') {
        this.wasReady = true;
        if (this.#state === 'starting') this.#become('ready');
        this.#options.onReady(this);
      } else if (message.type === 'call') this.#serve(message);
      else if (message.type === 'result') this.#finish(message);
      else if (message.type === 'skipped') this.#skipped(message.slot);
    }
  }

  /** A host call: decided with the broker's own record of the invocation. */
  #serve(message: CallMessage): void {
    const flight = this.#flights.get(message.slot);
    if (flight === undefined || flight.cancelledAtMs !== null) return;
    // Each call is recorded. A worker ends the guest after the first that is refused for being one too many.
    if (flight.calls > flight.job.authority.limits.host_calls) {
      this.kill('it sent more host calls than its invocation may make');
      return;
    }
    const answer = answerOf(flight.job, flight.calls++, message);
    if (answer === null) {
      flight.verdict = DIVERGED;
      this.#cancel(message.slot, flight, epochMs());
      return;
    }
    this.#openCalls += 1;
    answer.then((made) => {
      this.#openCalls -= 1;
      this.#reply(message.slot, flight, made);
    });
  }

  #reply(slot: number, flight: Flight, { answer, timeMs }: GivenAnswer): void {
    if (this.#flights.get(slot) !== flight || flight.cancelledAtMs !== null) return;
    flight.sent += 1;
    flight.lastSentAtMs = epochMs();
    const { status, payload } = answer;
    const reply = { type: 'reply', slot, status, payload, timeMs, sentAtMs: flight.lastSentAtMs } as const;
    // Waking a lane costs more than a reply: where others may come, they wait for each other.
    if (this.#openCalls === 0) this.#outbox.send(reply);
    else this.#outbox.sendLater(reply);
  }

  #finish(message: ResultMessage): void {
    const flight = this.#flights.get(message.slot);
    if (flight === undefined) return;
    const { job, verdict, cancelledAtMs } = flight;
    const reported = readResult(message, job);
    if (reported === null) {
      this.kill('it sent a result that cannot be');
      return;
    }
    this.#free(message.slot, job);
    const { wallMs } = reported;
    if (verdict === DIVERGED || (cancelledAtMs !== null && reported.result.kind === 'aborted')) {
      job.done({ verdict: verdict ?? wallTimeVerdict(job.authority.limits, wallMs), wallMs });
    } else job.done({ reported, startedAtMs: this.#heardAtMs - wallMs });
    if (reported.result.kind === 'aborted' && cancelledAtMs === null) this.retire();
    this.#options.onFree(this, job, reported.peakMemoryBytes);
  }

  #skipped(slot: number): void {
    if (!this.#recalled.delete(slot)) {
      this.kill('it skipped what was not recalled');
      return;
    }
    this.#flights.giveBack(slot);
    this.#options.onSkipped(this);
  }

  #cancel(slot: number, flight: Flight, nowMs: number): void {
    flight.cancelledAtMs = nowMs;
    flight.job.abort?.abort();
    this.#outbox.send({ type: 'cancel', slot });
  }

  /** Each neighbour may come first with all of its wall time. */
  #dueAtMs({ authority }: Job): number {
    if (!this.#options.distrustsClock) return Number.POSITIVE_INFINITY;
    return epochMs() + ANSWER_WITHIN_MS + authority.limits.wall_ms * (2 + this.#flights.size);
  }

  /** While a guest runs nothing can answer; its wall time bounds that. */
  #watchAnswers(nowMs: number): void {
    const running = this.#flights.get(this.#link.clock[CLOCK_RUNNING] ?? -1);
    const guestMs = running === undefined ? 0 : running.job.authority.limits.wall_ms + CANCEL_GRACE_MS;
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs > ANSWER_WITHIN_MS + guestMs) this.kill('it does not answer');
    else if (silentMs > ANSWER_WITHIN_MS / 2 && !this.#pinged && running === undefined) {
      this.#pinged = true;
      this.#outbox.send({ type: 'ping' });
    }
  }

  #end(reason: string | null): void {
    if (this.#state === 'dead') return;
    const nowMs = epochMs();
    this.#become('dead');
    const lost: Lost[] = [];
    const ended: Job[] = [];
    const { clock } = this.#link;
    for (const [slot, flight] of this.#flights) {
      const { job, verdict } = flight;
      if (flight.cancelledAtMs === null) {
        const entered = (clock[clockOf(slot)] ?? 0) !== 0;
        lost.push({ job, entered, running: clock[CLOCK_RUNNING] === slot });
        continue;
      }
      const wallMs = elapsedMs(clock, slot, flight, nowMs);
      job.abort?.abort();
      job.done({ verdict: verdict ?? wallTimeVerdict(job.authority.limits, wallMs), wallMs });
      ended.push(job);
    }
    this.#flights.clear();
    for (const job of ended) this.#options.onFree(this, job, null);
    this.#options.onDead(this, reason, lost);
  }

  #become(next: LaneState): void {
    this.#state = laneStateAfter(this.#state, next);
  }

  #free(slot: number, job: Job): void {
    this.#flights.delete(slot);
    // A reported clock is older than the result.
    this.#link.clock[clockOf(slot)] = 0;
    this.served += 1;
    if (this.suspect === job) this.suspect = null;
  }
}
