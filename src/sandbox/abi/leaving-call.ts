/** Runs in a lane's thread: calls that leave the sandbox and are decided by the broker. */
import { HOST_STATUS, type HostStatus } from '../../model/abi.ts';
import type { GuestResult, ReplyMessage } from '../protocol.ts';
import { chargeGuest, failCall, type GuestState, isOutOfFuel, stopGuest } from './guest-state.ts';
import { priceOf } from './price.ts';

/** Sends a host call to the broker and resolves with its answer; `null` when the invocation was cancelled. */
export type CallBroker = (
  slot: number,
  wireNumber: number,
  payload: Uint8Array,
) => Promise<ReplyMessage | null>;

export interface LeavingCall {
  readonly name: string;
  readonly wireNumber: number;
  /** Bytes of the request, before it is read. */
  readonly size: number;
  /** Null for a request that cannot be read; the guest has been stopped then. */
  readonly read: () => Uint8Array | null;
}

/** Room for the head of a request frame beside the body that `http_request_bytes` bounds. */
const FRAME_HEAD_BYTES = 64 * 1024 + 4;

/**
 * Pays for a call, sends it and takes its answer into the state. The guest is suspended meanwhile and its fuel does not
 * move. A guest without fuel has no call performed.
 */
export async function leaveSandbox(
  state: GuestState,
  { name, wireNumber, size, read }: LeavingCall,
  callBroker: CallBroker,
): Promise<HostStatus> {
  chargeGuest(state, priceOf(size));
  if (isOutOfFuel(state)) return HOST_STATUS.failed;
  state.callsMade += 1;
  // The first call too many is answered with a refusal, so that a handler can still end well; another ends it.
  if (state.callsMade > state.limits.host_calls + 1) {
    stopGuest(state, tooManyCalls(state.callsMade, state.limits.host_calls));
    return HOST_STATUS.overLimit;
  }
  const allowed = state.limits.http_request_bytes + FRAME_HEAD_BYTES;
  if (size > allowed) {
    const message = `${name}: a request of ${size} bytes; at most ${allowed}`;
    return failCall(state, HOST_STATUS.tooLarge, 'ERR_HOST_CALL_INVALID', message);
  }
  const payload = read();
  if (payload === null) return HOST_STATUS.invalid;
  const reply = await callBroker(state.slot, wireNumber, payload);
  if (reply === null) return HOST_STATUS.failed;
  chargeGuest(state, priceOf(reply.payload.byteLength));
  state.result = reply.payload;
  if (reply.timeMs !== null && state.timeMs !== null) state.timeMs = reply.timeMs;
  return reply.status as HostStatus;
}

function tooManyCalls(used: number, allowed: number): GuestResult {
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_HOST_CALLS',
    message: `the handler went on calling the host after limits.host_calls = ${allowed} calls`,
    limit: 'host_calls',
    allowed,
    used,
    setting: 'limits.host_calls',
  };
}
