/** Runs in a lane's thread. What the host side remembers of one running guest. */
import type { ErrorCode } from '../../errors.ts';
import type { HostStatus } from '../../model/abi.ts';
import type { Limits } from '../../model/limits.ts';
import { type GuestResult, type InvokeMessage, type LogRecord, NOT_RUNNING } from '../protocol.ts';

/** One per memory, whose imports are bound to it: it serves one invocation after another. */
export interface GuestState {
  readonly memory: WebAssembly.Memory;
  slot: number;
  limits: Limits;
  input: Uint8Array;
  config: Uint8Array;
  step: Uint8Array;
  /** What `get_time` answers; a reply of the broker may advance it. Null without the grant. */
  timeMs: number | null;
  /** Where `random_bytes` starts from; null without the grant. */
  seed: Uint8Array | null;
  /** The stream from that seed, once it was read from. */
  random: ((size: number) => Uint8Array) | null;
  logLevel: number | null;
  mayWait: boolean;
  /** The metered module's fuel counter; set once the instance exists. */
  fuel: WebAssembly.Global<'i64'> | null;
  output: Uint8Array | null;
  /** Calls that left the sandbox, refused ones included. */
  callsMade: number;
  /** What `result_read` yields. */
  result: Uint8Array;
  logs: LogRecord[];
  logBytes: number;
  /** A verdict of the host on the running guest; it wins over whatever the guest does afterwards. */
  stopped: GuestResult | null;
  /** Fuel left when `stopped` was set: stopping overwrites the counter. */
  fuelWhenStopped: bigint | null;
}

export const NO_BYTES = new Uint8Array(0);

/** A state that belongs to no invocation yet: no documents, no grants. */
export function newGuestState(memory: WebAssembly.Memory, limits: Limits): GuestState {
  return {
    memory,
    slot: NOT_RUNNING,
    limits,
    input: NO_BYTES,
    config: NO_BYTES,
    step: NO_BYTES,
    timeMs: null,
    seed: null,
    random: null,
    logLevel: null,
    mayWait: false,
    fuel: null,
    output: null,
    callsMade: 0,
    result: NO_BYTES,
    logs: [],
    logBytes: 0,
    stopped: null,
    fuelWhenStopped: null,
  };
}

/** Gives a state that belongs to no invocation to one. */
export function enterGuestState(state: GuestState, message: InvokeMessage): void {
  state.slot = message.slot;
  state.limits = message.limits;
  state.input = message.input;
  state.config = message.config;
  state.step = message.step;
  state.timeMs = message.timeMs;
  state.seed = message.seed;
  state.logLevel = message.logLevel;
  state.mayWait = message.mayWait;
}

/** Takes it back: what `newGuestState` answers, field by field (a test compares). */
export function leaveGuestState(state: GuestState): void {
  state.slot = NOT_RUNNING;
  state.input = NO_BYTES;
  state.config = NO_BYTES;
  state.step = NO_BYTES;
  state.timeMs = null;
  state.seed = null;
  state.random = null;
  state.logLevel = null;
  state.mayWait = false;
  state.fuel = null;
  state.output = null;
  state.callsMade = 0;
  state.result = NO_BYTES;
  state.logs = [];
  state.logBytes = 0;
  state.stopped = null;
  state.fuelWhenStopped = null;
}

/**
 * Ends the guest: its counter goes below zero, so that the next check in its own code traps. Never by a throw, which a
 * guest could catch. The first verdict stays.
 */
export function stopGuest(state: GuestState, verdict: GuestResult): void {
  if (state.stopped !== null) return;
  state.stopped = verdict;
  if (state.fuel === null) return;
  state.fuelWhenStopped = state.fuel.value;
  state.fuel.value = -1n;
}

/** True when nothing more may be done on behalf of the guest. */
export function isOutOfFuel(state: GuestState): boolean {
  return state.fuel !== null && state.fuel.value < 0n;
}

/** Debits host work. The guest notices at its next check. */
export function chargeGuest(state: GuestState, units: number): void {
  if (state.fuel !== null) state.fuel.value -= BigInt(units);
}

/** Ends a guest that called something it has no grant for. Admission refuses the invocation first; this is the backstop. */
export function ungranted(state: GuestState, call: string): number {
  stopGuest(state, brokenRule('ERR_GRANT_MISSING', `${call} was called without its grant`));
  return 0;
}

const encoder = new TextEncoder();

/** Answers a call with a status other than ok: `result_read` yields why. */
export function failCall<Status extends HostStatus>(
  state: GuestState,
  status: Status,
  code: ErrorCode,
  message: string,
): Status {
  state.result = encoder.encode(JSON.stringify({ code, message, retryable: false }));
  return status;
}

/** A verdict for a guest that broke the ABI. */
export function brokenRule(code: ErrorCode, message: string): GuestResult {
  return { kind: 'trapped', code, message, stack: [] };
}
