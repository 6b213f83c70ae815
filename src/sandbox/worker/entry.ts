/**
 * Entry of a lane's thread, loaded by URL as a piscina task and imported by nobody. One task is one lane: it runs until
 * it is told to close, and talks over its own port in batches.
 */
import type { MessagePort } from 'node:worker_threads';
import {
  CLOCK_FIRST_SLOT,
  CLOCK_RUNNING,
  epochMs,
  type FromLane,
  type InvokeMessage,
  type LaneTask,
  type ModuleMessage,
  NOT_RUNNING,
  type ReplyMessage,
  type ResultMessage,
  type ToLane,
} from '../protocol.ts';
import { type RunningInvocation, startInvocation } from './invocation.ts';

/** Resumes a guest that waits for a host call; null when its invocation was cancelled. */
type Resume = (reply: ReplyMessage | null) => void;

export default function runLane({ port, clock }: LaneTask): Promise<void> {
  return new Promise(
    (close) => new LaneThread(port as unknown as MessagePort, new Float64Array(clock), close),
  );
}

class LaneThread {
  readonly #port: MessagePort;
  readonly #clock: Float64Array;
  readonly #modules = new Map<string, ModuleMessage>();
  readonly #live = new Map<number, RunningInvocation>();
  readonly #waiting = new Map<number, Resume>();
  readonly #close: () => void;
  #outbox: FromLane[] = [];

  constructor(port: MessagePort, clock: Float64Array, close: () => void) {
    this.#port = port;
    this.#clock = clock;
    this.#close = close;
    clock[CLOCK_RUNNING] = NOT_RUNNING;
    port.on('message', (batch: ToLane[]) => this.#receive(batch));
    this.#send({ type: 'ready' });
  }

  #receive(batch: readonly ToLane[]): void {
    for (const message of batch) {
      switch (message.type) {
        case 'module':
          this.#modules.set(message.digest, message);
          break;
        case 'invoke':
          this.#invoke(message);
          break;
        case 'reply':
          // One guest per turn of the event loop, so that the clock names the one that runs. A message that came alone
          // is its own turn: what it resumes runs before the next one is read.
          if (batch.length === 1) this.#resume(message.slot, message);
          else setImmediate(() => this.#resume(message.slot, message));
          break;
        case 'cancel':
          this.#cancel(message.slot);
          break;
        case 'close':
          this.#port.close();
          this.#close();
          break;
      }
    }
  }

  #invoke(message: InvokeMessage): void {
    const module = this.#modules.get(message.digest);
    if (module === undefined) throw new Error(`lane has no module ${message.digest}`);
    this.#clock[CLOCK_FIRST_SLOT + message.slot] = epochMs();
    const running = startInvocation(
      module,
      message,
      (wireNumber, payload) => this.#call(message.slot, wireNumber, payload),
      { enter: (slot) => this.#mark(slot), leave: () => this.#mark(NOT_RUNNING) },
    );
    if (!(running.result instanceof Promise)) {
      this.#finish(running.result);
      return;
    }
    this.#live.set(message.slot, running);
    running.result.then((result) => this.#finish(result));
  }

  #call(slot: number, wireNumber: number, payload: Uint8Array): Promise<ReplyMessage | null> {
    this.#mark(NOT_RUNNING);
    return new Promise((resolve) => {
      this.#waiting.set(slot, resolve);
      this.#send({ type: 'call', slot, wireNumber, payload });
    });
  }

  #resume(slot: number, reply: ReplyMessage | null): void {
    const resume = this.#waiting.get(slot);
    if (resume === undefined) return;
    this.#waiting.delete(slot);
    this.#mark(slot);
    resume(reply);
  }

  #cancel(slot: number): void {
    this.#live.get(slot)?.cancel();
    setImmediate(() => this.#resume(slot, null));
  }

  #finish(result: ResultMessage): void {
    this.#live.delete(result.slot);
    this.#waiting.delete(result.slot);
    this.#clock[CLOCK_FIRST_SLOT + result.slot] = 0;
    this.#send(result);
  }

  #mark(slot: number): void {
    this.#clock[CLOCK_RUNNING] = slot;
  }

  #send(message: FromLane): void {
    if (this.#outbox.push(message) > 1) return;
    queueMicrotask(() => {
      const batch = this.#outbox;
      this.#outbox = [];
      this.#port.postMessage(batch);
    });
  }
}
