/**
 * Everything that crosses between the broker's thread and a lane's thread: types and constants only. Both directions
 * send runs of messages as one buffer (batch.ts), so that a burst costs one hop.
 */
import type { Abi, LogLevel } from '../model/abi.ts';
import type { Limits } from '../model/limits.ts';
import type { OutcomeResult } from '../model/outcome.ts';
import type { Tier } from '../model/tier.ts';

/** The bytes of an admitted module, and of the one with its image. */
export interface ModuleBytes {
  readonly metered: Uint8Array<ArrayBuffer>;
  readonly image: Uint8Array<ArrayBuffer> | null;
  /** The core modules of a component behind the first. */
  readonly others: readonly Uint8Array<ArrayBuffer>[];
}

/** What the worker must know of an artifact; sent once per lane and artifact. */
export interface ModuleMessage {
  readonly type: 'module';
  /** Stands for it in the messages that follow. */
  readonly moduleId: number;
  /** The number that is not used any more. */
  readonly forgets: number | null;
  readonly abi: Abi;
  readonly module: WebAssembly.Module;
  /** On its way to a process, which compiles for itself. */
  readonly bytes?: ModuleBytes;
  readonly initialFuel: number;
  readonly uncountedBytes: number;
  readonly fuelExport: string;
  readonly depthExport: string;
  /** Absent where the module never grows its memory. */
  readonly deniedGrowExport: string | null;
  readonly startExport: string | null;
  readonly memoryMinPages: number;
  readonly memoryMaxPages: number;
  readonly suspends: boolean;
  readonly image: ModuleImage | null;
  readonly component: ModuleComponent | null;
}

/** What makes one guest of several core modules; `ComponentFacts` of the catalog says more. */
export interface ModuleComponent {
  readonly glue: string;
  readonly cores: readonly {
    readonly name: string;
    readonly memoryMinPages: number | null;
    readonly memoryMaxPages: number;
    readonly startExport: string | null;
  }[];
  /** The modules behind the first. */
  readonly others: readonly WebAssembly.Module[];
}

/** The module with its state before the first entry built in; `ImageFacts` of the catalog says more. */
export interface ModuleImage {
  readonly module: WebAssembly.Module;
  readonly restoreExport: string;
  readonly codeShift: number;
  readonly startFuel: number;
  readonly depthBytes: number;
  readonly memoryMinPages: number;
}

/** Run one invocation. `slot` is its place in the lane's clock and free again after its result. */
export interface InvokeMessage {
  readonly type: 'invoke';
  readonly slot: number;
  readonly input: Uint8Array;
  readonly config: Uint8Array;
  /** Facts about the step, as JSON. */
  readonly step: Uint8Array;
  readonly limits: Limits;
  /** Milliseconds since the epoch that `get_time` answers; null without the grant. */
  readonly timeMs: number | null;
  /** 32 bytes that `random_bytes` starts from; null without the grant. */
  readonly seed: Uint8Array | null;
  /** Least severe level that is kept; null without the grant. */
  readonly logLevel: number | null;
  /** Whether it may wait for a person. */
  readonly mayWait: boolean;
}

/** Answer to a `call`. `payload` is what `result_read` yields. */
export interface ReplyMessage {
  readonly type: 'reply';
  readonly slot: number;
  readonly status: number;
  readonly payload: Uint8Array;
  /** When it was sent (`epochMs`): from then on the guest waits for its lane and not for its call. */
  readonly sentAtMs: number;
  /** What `get_time` answers from now on; null where time stands still. */
  readonly timeMs: number | null;
}

/** Stop the invocation in `slot` as soon as the guest can be reached. */
export interface CancelMessage {
  readonly type: 'cancel';
  readonly slot: number;
}

/** To be answered by a `pong`: is there somebody? */
export interface PingMessage {
  readonly type: 'ping';
}

export interface PongMessage {
  readonly type: 'pong';
}

/** The invocation in `slot` was recalled before it was entered; the slot is free again. */
export interface SkippedMessage {
  readonly type: 'skipped';
  readonly slot: number;
}

export interface CloseMessage {
  readonly type: 'close';
}

export interface ReadyMessage {
  readonly type: 'ready';
}

/** A host call that leaves the sandbox. untrusted: payload is guest bytes. */
export interface CallMessage {
  readonly type: 'call';
  readonly slot: number;
  readonly wireNumber: number;
  readonly payload: Uint8Array;
}

/** How an invocation ended. The receiver checks every field again. */
export interface ResultMessage extends GuestReport {
  readonly wallMs: number;
  /** Null from a lane that had no time for them, or whose word on them is not taken. */
  readonly digests: Digests | null;
}

/** SHA-256 of the documents of an invocation that returned. */
export interface Digests {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

export const DIGEST_BYTES = 32;

/** What can be said of a guest by whoever ran it. */
export interface GuestReport {
  readonly type: 'result';
  readonly slot: number;
  readonly result: GuestResult;
  readonly fuel: number;
  readonly fuelExact: boolean;
  readonly peakMemoryBytes: number;
  readonly logs: readonly LogRecord[];
}

/** What the worker can tell by itself; whether output is JSON is decided by the receiver. */
export type GuestResult =
  | { readonly kind: 'returned'; readonly output: Uint8Array }
  /** It asked to go on later or to wait; `request` is the JSON of its call. */
  | { readonly kind: 'checkpoint' | 'wait'; readonly request: Uint8Array }
  | Exclude<OutcomeResult, { readonly kind: 'completed' | 'yielded' | 'waiting' }>;

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
}

/** What a lane's task starts with. */
export interface LaneTask {
  readonly port: MessagePort;
  readonly clock: SharedArrayBuffer;
  readonly tier: Tier;
}

/**
 * The lane's clock in shared memory, so that the broker can see a guest that does not yield:
 *
 *     Float64[0]            slot whose guest code runs right now, or -1
 *     Float64[1 + 2 * slot] when that slot's invocation was entered, in ms of the epoch, moved on by the time for which
 *                           it could have run but its lane was busy; 0 = not running
 *     Float64[2 + 2 * slot] how many replies its guest has gone on with
 *     Int32 behind them     how many posts were sent to the lane's port
 *     Int32 for each slot   whose its invocation is (threads only), see CLAIM
 */
export const CLOCK_RUNNING = 0;
export const NOT_RUNNING = -1;

/** Slots that a lane can have. */
export const SLOTS_MAX = 4096;

/** Where the clock says when a slot's invocation was entered; the place after it counts its replies. */
export function clockOf(slot: number): number {
  return 1 + 2 * slot;
}

/** Where the clock says how many posts were sent. */
export const CLOCK_POSTED_BYTE = (1 + 2 * SLOTS_MAX) * Float64Array.BYTES_PER_ELEMENT;
/** Where it says whose the invocation of the first slot is. */
export const CLOCK_CLAIMS_BYTE = CLOCK_POSTED_BYTE + Float64Array.BYTES_PER_ELEMENT;
export const CLOCK_BYTES = CLOCK_CLAIMS_BYTE + SLOTS_MAX * Int32Array.BYTES_PER_ELEMENT;

/** Who is first to change it has the invocation: the lane enters it, or the broker takes it to another lane. */
export const CLAIM = Object.freeze({ free: 0, entered: 1, recalled: 2 });

/** Milliseconds since the epoch with sub-millisecond steps, comparable between threads. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
