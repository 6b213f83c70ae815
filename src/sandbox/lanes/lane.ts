import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { BrokerError, messageOf } from '../../errors.ts';
import type { Aborted } from '../../model/outcome.ts';
import { type PackedFromLane, unpackFromLane } from '../batch.ts';
import {
  type CallMessage,
  CLOCK_FIRST_SLOT,
  CLOCK_RUNNING,
  clockBytes,
  epochMs,
  NOT_RUNNING,
  type ResultMessage,
} from '../protocol.ts';
import type { Job } from './job.ts';
import { Outbox } from './outbox.ts';
import { overWallTime, wallTimeVerdict } from './wall-time.ts';

/**
 * States of a lane:
 *
 * | state    | meaning                                          | left by                         |
 * |----------|--------------------------------------------------|---------------------------------|
 * | starting | its thread is coming up; jobs may be queued in it | `ready` message, loss, close   |
 * | ready    | runs jobs                                        | loss (thread died, killed), close |
 * | closing  | told to end; runs nothing any more                | end of its thread              |
 * | dead     | its thread is gone; final                         |                                |
 */
export type LaneState = 'starting' | 'ready' | 'closing' | 'dead';

const NEXT: Readonly<Record<LaneState, readonly LaneState[]>> = {
  starting: ['ready', 'closing', 'dead'],
  ready: ['closing', 'dead'],
  closing: ['dead'],
  dead: [],
};

export interface LaneOptions {
  readonly index: number;
  readonly slots: number;
  readonly onReady: (lane: Lane) => void;
  /** A slot became free. */
  readonly onFree: (lane: Lane) => void;
  /** The thread is gone. `unstarted` jobs had not entered their guest and can run elsewhere. */
  readonly onDead: (lane: Lane, reason: string, unstarted: readonly Job[]) => void;
}

interface Flight {
  readonly job: Job;
  /** Ends host calls that are still under way; made for the first. */
  abort: AbortController | null;
  cancelledAtMs: number | null;
  /** Who cancelled it: the caller, or (null) the clock. */
  verdict: Aborted | null;
}

/** The verdict on an invocation that its caller ended. */
export const ABORTED: Aborted = Object.freeze({
  kind: 'aborted',
  code: 'ERR_ABORTED',
  message: 'the invocation was broken off by the broker',
});

/** A guest past its wall time has this long to notice its cancellation before its thread is ended. */
const CANCEL_GRACE_MS = 100;

/** One worker thread for as long as it lives, many invocations in flight; the thread is a long piscina task. */
export class Lane {
  readonly index: number;
  #state: LaneState = 'starting';
  readonly #options: LaneOptions;
  readonly #port: MessagePort;
  readonly #clock: Float64Array;
  readonly #kill = new AbortController();
  readonly #flights: (Flight | null)[];
  /** Slots without a flight; the one used last is taken first. */
  readonly #freeSlots: number[];
  readonly #outbox: Outbox;
  readonly #ended: Promise<void>;
  #killReason = 'its thread ended';

  constructor(piscina: Piscina, options: LaneOptions) {
    this.index = options.index;
    this.#options = options;
    this.#flights = Array.from({ length: options.slots }, () => null);
    this.#freeSlots = this.#flights.map((_, slot) => slot).reverse();
    const clock = new SharedArrayBuffer(clockBytes(options.slots));
    this.#clock = new Float64Array(clock);
    // Zero would name slot 0 until the thread is up.
    this.#clock[CLOCK_RUNNING] = NOT_RUNNING;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#outbox = new Outbox(port1);
    port1.on('message', (batch: ArrayBuffer) => this.#receive(batch));
    this.#ended = piscina
      // piscina derives the type of transferList from an older MessagePort.
      .run({ port: port2, clock }, { transferList: [port2] as never, signal: this.#kill.signal })
      .then(() => this.#end('closed'))
      .catch((error: unknown) => this.#end(this.#kill.signal.aborted ? this.#killReason : String(error)));
  }

  get state(): LaneState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#options.slots - this.#freeSlots.length;
  }

  get freeSlots(): number {
    return this.#state === 'starting' || this.#state === 'ready' ? this.#freeSlots.length : 0;
  }

  /** Sends a job to the thread. There must be a free slot. */
  dispatch(job: Job): void {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) throw new BrokerError('ERR_INTERNAL', `lane ${this.index} has no free slot`);
    this.#flights[slot] = { job, abort: null, cancelledAtMs: null, verdict: null };
    const { artifact, authority, input, config, step, timeMs, seed, logLevel, mayWait } = job;
    const moduleId = this.#outbox.moduleId(artifact);
    const limitsId = this.#outbox.limitsId(authority.limits);
    const facts = { input, config, step, timeMs, seed, logLevel, mayWait };
    this.#outbox.send({ type: 'invoke', slot, moduleId, limitsId, ...facts });
  }

  /** Cancels guests past their wall time; ends the thread when the one that runs does not notice. Called periodically. */
  checkWallTime(nowMs: number): void {
    for (const [slot, flight] of this.#flights.entries()) {
      if (flight === null) continue;
      const enteredMs = this.#clock[CLOCK_FIRST_SLOT + slot] ?? 0;
      const isOver = overWallTime(enteredMs, nowMs, flight.job.authority.limits);
      if (flight.cancelledAtMs === null && !isOver) continue;
      if (flight.cancelledAtMs === null) this.#cancel(slot, flight, nowMs);
      else if (nowMs - flight.cancelledAtMs > CANCEL_GRACE_MS && this.#clock[CLOCK_RUNNING] === slot) {
        this.kill(`the guest in slot ${slot} does not yield`);
        return;
      }
    }
  }

  /** Ends a job of this lane as aborted. */
  cancel(job: Job): void {
    const slot = this.#flights.findIndex((flight) => flight?.job === job);
    const flight = this.#flights[slot];
    if (flight == null || flight.cancelledAtMs !== null) return;
    flight.verdict = ABORTED;
    this.#cancel(slot, flight, epochMs());
  }

  /** Ends the thread at once. Its invocations are settled or handed back by `onDead`. */
  kill(reason: string): void {
    this.#killReason = reason;
    this.#kill.abort();
  }

  /** Lets the thread end by itself. No job may be in flight. */
  async close(): Promise<void> {
    if (this.#state !== 'dead' && this.#state !== 'closing') {
      this.#become('closing');
      this.#outbox.sendObject({ type: 'close' });
    }
    await this.#ended;
  }

  #receive(batch: ArrayBuffer): void {
    for (const message of this.#unpack(batch)) {
      if (message.type === 'ready') {
        if (this.#state === 'starting') this.#become('ready');
        this.#options.onReady(this);
      } else if (message.type === 'call') this.#serve(message);
      else this.#finish(message);
    }
  }

  #unpack(batch: ArrayBuffer): readonly PackedFromLane[] {
    try {
      return unpackFromLane(batch);
    } catch (error) {
      this.kill(`it sent what cannot be read: ${messageOf(error)}`);
      return [];
    }
  }

  /** A host call: decided with the broker's own record of the invocation. */
  async #serve(message: CallMessage): Promise<void> {
    const flight = this.#flights[message.slot];
    if (flight == null) return;
    const { job } = flight;
    flight.abort ??= new AbortController();
    const { signal } = flight.abort;
    const before = job.calls.length;
    const answer = await job.boundary(job.authority, message.wireNumber, message.payload, before, signal);
    const timeMs = job.timeAfterCall();
    job.calls.push(answer.record);
    job.recorder?.add({ wireNumber: message.wireNumber, answer, timeMs });
    if (this.#flights[message.slot] !== flight) return;
    const { status, payload } = answer;
    this.#outbox.send({ type: 'reply', slot: message.slot, status, payload, timeMs });
  }

  #finish(message: ResultMessage): void {
    const flight = this.#flights[message.slot];
    if (flight == null) return;
    this.#free(message.slot);
    const { job } = flight;
    const startedAtMs = epochMs() - message.wallMs;
    if (flight.cancelledAtMs !== null && message.result.kind === 'aborted') {
      const verdict = flight.verdict ?? wallTimeVerdict(job.authority.limits, message.wallMs);
      job.done({ verdict, wallMs: message.wallMs });
    } else job.done({ reported: message, startedAtMs });
    this.#options.onFree(this);
  }

  #cancel(slot: number, flight: Flight, nowMs: number): void {
    flight.cancelledAtMs = nowMs;
    flight.abort?.abort();
    this.#outbox.send({ type: 'cancel', slot });
  }

  #end(reason: string): void {
    if (this.#state === 'dead') return;
    const nowMs = epochMs();
    this.#become('dead');
    this.#port.close();
    const unstarted: Job[] = [];
    for (const [slot, flight] of this.#flights.entries()) {
      if (flight === null) continue;
      this.#free(slot);
      const enteredMs = this.#clock[CLOCK_FIRST_SLOT + slot] ?? 0;
      if (enteredMs === 0 && flight.verdict === null) unstarted.push(flight.job);
      else this.#settleLost(flight, slot, nowMs - enteredMs, reason);
    }
    this.#options.onDead(this, reason, unstarted);
  }

  #settleLost(flight: Flight, slot: number, wallMs: number, reason: string): void {
    const { job } = flight;
    flight.abort?.abort();
    if (flight.verdict !== null || (flight.cancelledAtMs !== null && this.#clock[CLOCK_RUNNING] === slot)) {
      job.done({ verdict: flight.verdict ?? wallTimeVerdict(job.authority.limits, wallMs), wallMs });
      return;
    }
    const message = `lane ${this.index} was lost: ${reason}`;
    job.done({ verdict: { kind: 'aborted', code: 'ERR_LANE_LOST', message }, wallMs });
  }

  #become(next: LaneState): void {
    if (!NEXT[this.#state].includes(next)) {
      throw new BrokerError('ERR_INTERNAL', `lane ${this.index} cannot go from ${this.#state} to ${next}`);
    }
    this.#state = next;
  }

  #free(slot: number): void {
    this.#flights[slot] = null;
    this.#freeSlots.push(slot);
  }
}
