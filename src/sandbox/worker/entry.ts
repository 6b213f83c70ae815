/**
 * Entry of a lane's thread, loaded by URL as a piscina task and imported by nobody. One task is one lane: it runs until
 * it is told to close, and talks over its own port in batches.
 */
import { hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Limits } from '../../model/limits.ts';
import type { Tier } from '../../model/tier.ts';
import {
  type ObjectToLane,
  type PackedFromLane,
  type PackedInvoke,
  packFromLane,
  type ToLane,
  transferListOf,
  unpackToLane,
} from '../batch.ts';
import { Gathered } from '../gathered.ts';
import {
  CLAIM,
  CLOCK_CLAIMS_BYTE,
  CLOCK_POSTED_BYTE,
  CLOCK_RUNNING,
  clockOf,
  type Digests,
  epochMs,
  type GuestReport,
  type LaneTask,
  type ModuleMessage,
  NOT_RUNNING,
  type ReplyMessage,
  SLOTS_MAX,
} from '../protocol.ts';
import { CellStore } from './cell-store.ts';
import { startInvocation } from './invocation.ts';
import { ShortWait } from './short-wait.ts';
import type { RunningInvocation, Workplace } from './workplace.ts';

/** Beside a guest that takes longer, waking the broker costs nothing: nobody's result waits for one that is not known to be short. */
const LONG_MS = 0.2;

/**
 * The broker's, the lane's, and in a process the one that passes on. With fewer cores, a lane that waited awake would keep
 * one of the others from its work.
 */
const THREADS_AT_WORK: Readonly<Record<Tier, number>> = Object.freeze({ thread: 2, process: 3 });

/** Resumes a guest that waits for a host call; null when its invocation was cancelled. */
type Resume = (reply: ReplyMessage | null) => void;

export default function runLane(task: LaneTask): Promise<void> {
  return new Promise((close) => new LaneThread(task, close));
}

class LaneThread {
  readonly #port: MessagePort;
  readonly #clock: Float64Array;
  readonly #modules = new Map<number, ModuleMessage>();
  /** Modules whose last guest took no longer than that before it suspended or ended. */
  readonly #shortModules = new Set<number>();
  readonly #limits = new Map<number, Limits>();
  readonly #live = new Map<number, RunningInvocation>();
  readonly #waiting = new Map<number, Resume>();
  readonly #close: () => void;
  readonly #tier: Tier;
  /** How many posts the broker has sent, and how many of them are read. */
  readonly #posted: Int32Array;
  #read = 0;
  readonly #claims: Int32Array;
  readonly #forAnswer: ShortWait;
  readonly #forWork: ShortWait;
  readonly #workplace: Workplace = {
    cells: new CellStore(),
    callBroker: (slot, wireNumber, payload) => this.#call(slot, wireNumber, payload),
    mark: { enter: (slot) => this.#mark(slot), leave: () => this.#mark(NOT_RUNNING) },
  };
  readonly #outbox: Gathered<PackedFromLane>;
  #turnEnds = false;
  /** Guests that go on in a turn of their own, which is to come. */
  #resumes = 0;
  /** It had nothing to do but wait for the post it reads: what can be done here need not be done by the broker. */
  #hasTime = false;

  constructor({ port: given, clock, tier }: LaneTask, close: () => void) {
    const port = given as unknown as MessagePort;
    this.#port = port;
    this.#clock = new Float64Array(clock);
    this.#close = close;
    this.#tier = tier;
    this.#outbox = new Gathered(tier);
    this.#clock[CLOCK_RUNNING] = NOT_RUNNING;
    this.#posted = new Int32Array(clock, CLOCK_POSTED_BYTE, 1);
    this.#claims = new Int32Array(clock, CLOCK_CLAIMS_BYTE, SLOTS_MAX);
    const waits = availableParallelism() >= THREADS_AT_WORK[tier];
    this.#forAnswer = new ShortWait(port, this.#posted, waits);
    this.#forWork = new ShortWait(port, this.#posted, waits);
    port.on('message', (post: ToLane) => this.#take(post));
    this.#send({ type: 'ready' });
    this.#flush();
  }

  #take(post: ToLane): void {
    this.#read = (this.#read + 1) | 0;
    if (post instanceof ArrayBuffer) this.#receive(post);
    else this.#learn(post);
  }

  /** No guest is here, or the one that is waits for an answer that has not come. */
  get #isFree(): boolean {
    return this.#live.size <= 1 && this.#waiting.size === this.#live.size && this.#resumes === 0;
  }

  /** What is there already is read before results are sent: posts of few messages would stay so for ever. */
  #takeNext(): boolean {
    const isThere = ((Atomics.load(this.#posted, 0) - this.#read) | 0) > 0;
    const post = isThere && this.#isFree ? receiveMessageOnPort(this.#port) : undefined;
    if (post === undefined) return false;
    this.#take(post.message);
    return true;
  }

  #waitShortly(): void {
    if (!this.#isFree) return;
    const post = (this.#live.size === 0 ? this.#forWork : this.#forAnswer).next();
    if (post === null) return;
    this.#hasTime = true;
    this.#take(post);
    this.#hasTime = false;
  }

  #learn(message: ObjectToLane): void {
    if (message.type === 'module') {
      if (message.forgets !== null) this.#forget(message.forgets);
      this.#modules.set(message.moduleId, message);
      if (message.component !== null) this.#ignoreRejections();
    } else if (message.type === 'limits') {
      if (message.forgets !== null) this.#limits.delete(message.forgets);
      this.#limits.set(message.limitsId, Object.freeze(message.limits));
    } else {
      this.#port.close();
      this.#close();
    }
  }

  #forget(moduleId: number): void {
    this.#modules.delete(moduleId);
    this.#shortModules.delete(moduleId);
  }

  /** jco's glue makes promises that it drops when a guest traps: their rejection is no fault of the lane. */
  #ignoreRejections(): void {
    if (process.listenerCount('unhandledRejection') === 0) process.on('unhandledRejection', () => {});
  }

  #receive(batch: ArrayBuffer): void {
    const messages = unpackToLane(batch);
    for (const message of messages) {
      if (message.type === 'invoke') this.#invoke(message);
      else if (message.type === 'cancel') this.#cancel(message.slot);
      else if (message.type === 'ping') this.#send({ type: 'pong' });
      // One guest per turn of the event loop, so that the clock names the one that runs. A message that came alone is
      // its own turn: what it resumes runs before the next one is read.
      else if (messages.length === 1) this.#resume(message.slot, message);
      else this.#resumeLater(message.slot, message);
    }
  }

  #invoke(packed: PackedInvoke): void {
    const { moduleId, slot } = packed;
    const module = this.#modules.get(moduleId);
    const limits = this.#limits.get(packed.limitsId);
    if (module === undefined || limits === undefined) throw new TypeError('the lane was not told the module');
    if (!this.#claim(slot)) {
      this.#send({ type: 'skipped', slot });
      return;
    }
    if (!this.#shortModules.has(moduleId)) this.#flush();
    const enteredMs = epochMs();
    this.#clock[clockOf(slot)] = enteredMs;
    this.#clock[clockOf(slot) + 1] = 0;
    const running = startInvocation(module, { ...packed, limits }, this.#workplace);
    const { result } = running;
    if (result instanceof Promise) {
      this.#live.set(slot, running);
      result.then((report) => this.#settle(report)).catch(raise);
      this.#noteTime(moduleId, epochMs() - enteredMs);
    } else {
      const wallMs = this.#leave(slot);
      const digests = this.#tier === 'thread' && this.#hasTime ? digestsOf(packed, result) : null;
      this.#send({ ...result, wallMs, digests });
      this.#noteTime(moduleId, wallMs);
    }
  }

  /** False when the broker was first, and has taken it to another lane that has nothing to do. */
  #claim(slot: number): boolean {
    return Atomics.compareExchange(this.#claims, slot, CLAIM.free, CLAIM.entered) !== CLAIM.recalled;
  }

  #noteTime(moduleId: number, ms: number): void {
    if (ms < LONG_MS) {
      this.#shortModules.add(moduleId);
      return;
    }
    this.#shortModules.delete(moduleId);
    this.#flush();
  }

  #call(slot: number, wireNumber: number, payload: Uint8Array): Promise<ReplyMessage | null> {
    this.#mark(NOT_RUNNING);
    return new Promise((resolve) => {
      this.#waiting.set(slot, resolve);
      this.#send({ type: 'call', slot, wireNumber, payload });
    });
  }

  /** In a turn of its own, unless another invocation has the slot by then: it may have come during a short wait. */
  #resumeLater(slot: number, reply: ReplyMessage | null): void {
    const waiting = this.#waiting.get(slot);
    this.#resumes += 1;
    setImmediate(() => {
      this.#resumes -= 1;
      if (this.#waiting.get(slot) === waiting) this.#resume(slot, reply);
    });
  }

  #resume(slot: number, reply: ReplyMessage | null): void {
    const resume = this.#waiting.get(slot);
    if (resume === undefined) return;
    this.#waiting.delete(slot);
    if (reply !== null) this.#goOn(slot, reply.sentAtMs);
    this.#mark(slot);
    resume(reply);
  }

  /** The time since the reply was sent is the lane's, not the guest's. */
  #goOn(slot: number, sentAtMs: number): void {
    const at = clockOf(slot);
    this.#clock[at] = (this.#clock[at] ?? 0) + Math.max(0, epochMs() - sentAtMs);
    this.#clock[at + 1] = (this.#clock[at + 1] ?? 0) + 1;
  }

  #cancel(slot: number): void {
    this.#live.get(slot)?.cancel();
    this.#resumeLater(slot, null);
  }

  /** One that was suspended. */
  #settle(report: GuestReport): void {
    this.#live.delete(report.slot);
    this.#waiting.delete(report.slot);
    this.#send({ ...report, wallMs: this.#leave(report.slot), digests: null });
  }

  /** Takes an invocation off the clock; answers its wall time in milliseconds. */
  #leave(slot: number): number {
    const at = clockOf(slot);
    const wallMs = epochMs() - (this.#clock[at] ?? 0);
    this.#clock[at] = 0;
    return wallMs;
  }

  #mark(slot: number): void {
    this.#clock[CLOCK_RUNNING] = slot;
  }

  #send(message: PackedFromLane): void {
    if (this.#outbox.add(message)) this.#flush();
    this.#willEndTurn();
  }

  #willEndTurn(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    queueMicrotask(() => this.#endTurn());
  }

  /** Reads on only here, behind the last message of a post: no other post may come between two of them. */
  #endTurn(): void {
    this.#turnEnds = false;
    if (!this.#outbox.isEmpty && this.#takeNext()) {
      this.#willEndTurn();
      return;
    }
    this.#flush();
    this.#waitShortly();
  }

  #flush(): void {
    if (this.#outbox.isEmpty) return;
    const batch = packFromLane(this.#outbox.take());
    this.#port.postMessage(batch, transferListOf(batch));
  }
}

function digestsOf({ input }: PackedInvoke, { result }: GuestReport): Digests | null {
  return result.kind === 'returned' ? { input: sha256(input), output: sha256(result.output) } : null;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return Buffer.from(hash('sha256', bytes), 'hex');
}

/** A fault of ours ends the lane, whatever becomes of rejections in it. */
function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
