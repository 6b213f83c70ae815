/** Runs in a lane's thread: a host call that leaves the sandbox, from the guest's side. */
import { HOST_STATUS } from '../../model/abi.ts';
import type { GuestResult, ReplyMessage } from '../protocol.ts';
import { guestBytes } from './guest-memory.ts';
import { chargeGuest, failCall, type GuestState, isOutOfFuel, stopGuest } from './guest-state.ts';
import { priceOf } from './price.ts';

/** Sends a host call to the broker and resolves with its answer; `null` when the invocation was cancelled. */
export type CallBroker = (
  slot: number,
  wireNumber: number,
  payload: Uint8Array,
) => Promise<ReplyMessage | null>;

/** Room for the head of a request frame beside the body that `http_request_bytes` bounds. */
const FRAME_HEAD_BYTES = 64 * 1024 + 4;

/** A call decided by the broker. The guest is suspended meanwhile and its fuel does not move. */
export function leavingCall(state: GuestState, name: string, wireNumber: number, callBroker: CallBroker) {
  return async (pointer: number, length: number): Promise<number> => {
    const size = length >>> 0;
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
    const payload = guestBytes(state, name, pointer, size)?.slice();
    if (payload === undefined) return HOST_STATUS.invalid;
    const reply = await callBroker(state.slot, wireNumber, payload);
    if (reply === null) return HOST_STATUS.failed;
    chargeGuest(state, priceOf(reply.payload.byteLength));
    state.result = reply.payload;
    if (reply.timeMs !== null && state.timeMs !== null) state.timeMs = reply.timeMs;
    return reply.status;
  };
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
