/** Runs in a lane's thread: how a handler says that its step has failed. */
import type { GuestResult } from '../protocol.ts';
import { brokenRule } from './guest-state.ts';

const FAILURE_CODE_MAX = 100;
const FAILURE_MESSAGE_MAX = 8000;
const RETRY_AFTER_MAX_MS = 3_000_000;

/** untrusted: the JSON of `fail`. A malformed one is the guest's fault and ends it all the same. */
export function declaredFailure(text: string): GuestResult {
  return failureOf(parseJson(text));
}

/** untrusted: what a handler says of its failure, in the names of the wire. */
export function failureOf(value: unknown): GuestResult {
  const { code, message, retryable = false, retry_after_ms } = membersOf(value);
  const isFailure =
    isText(code, 1, FAILURE_CODE_MAX) &&
    isText(message, 0, FAILURE_MESSAGE_MAX) &&
    typeof retryable === 'boolean' &&
    (retry_after_ms === undefined || isWhole(retry_after_ms, RETRY_AFTER_MAX_MS));
  if (!isFailure) {
    return brokenRule(
      'ERR_GUEST_PROTOCOL',
      'fail: expected JSON {"code","message","retryable"?,"retry_after_ms"?}',
    );
  }
  const failed = { kind: 'failed', code, message, retryable } as const;
  return retry_after_ms === undefined ? failed : { ...failed, retryAfterMs: retry_after_ms };
}

// Written out: a schema library would cost every new lane half of its start.
function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown, min: number, max: number): value is string {
  return typeof value === 'string' && value.length >= min && value.length <= max;
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
