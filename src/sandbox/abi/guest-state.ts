/** Runs in a lane's thread. What the host side remembers of one running guest. */
import type { ErrorCode } from '../../errors.ts';
import type { HostStatus } from '../../model/abi.ts';
import type { Limits } from '../../model/limits.ts';
import type { GuestResult, LogRecord } from '../protocol.ts';

export interface GuestState {
  readonly memory: WebAssembly.Memory;
  readonly limits: Limits;
  readonly input: Uint8Array;
  readonly config: Uint8Array;
  readonly step: Uint8Array;
  /** What `get_time` answers; a reply of the broker may advance it. Null without the grant. */
  timeMs: number | null;
  /** Where `random_bytes` starts from; null without the grant. */
  readonly seed: Uint8Array | null;
  readonly logLevel: number | null;
  readonly mayWait: boolean;
  /** The metered module's fuel counter; set once the instance exists. */
  fuel: WebAssembly.Global<'i64'> | null;
  output: Uint8Array | null;
  /** What `result_read` yields. */
  result: Uint8Array;
  readonly logs: LogRecord[];
  logBytes: number;
  /** A verdict of the host on the running guest; it wins over whatever the guest does afterwards. */
  stopped: GuestResult | null;
  /** Fuel left when `stopped` was set: stopping overwrites the counter. */
  fuelWhenStopped: bigint | null;
}

export const NO_BYTES = new Uint8Array(0);

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
