import * as abi from "./abi";
import { ByteBuffer } from "./bytes";
import { writeEscaped } from "./json/escape";

/** What the host accepts: a longer message is cut, a longer delay shortened, so that the failure itself arrives. */
const MAX_MESSAGE_LENGTH = 2000;
const MAX_RETRY_AFTER_MS: i64 = 3_000_000;

/**
 * Ends the invocation as failed, with a code (lower case with underscores) and a message for people. Nothing after it
 * runs. Where a function has to return something, write `return fail<Result>("code", "message")`.
 *
 * `retryable` says that the same step may succeed later; `retryAfterMs` when, at the earliest.
 */
export function fail<T = void>(code: string, message: string, retryable: bool = false, retryAfterMs: i64 = -1): T {
  const document = new ByteBuffer();
  document.appendText('{"code":');
  writeEscaped(document, code);
  document.appendText(',"message":');
  writeEscaped(document, message.length > MAX_MESSAGE_LENGTH ? message.substring(0, MAX_MESSAGE_LENGTH) : message);
  if (retryable) document.appendText(',"retryable":true');
  if (retryAfterMs >= 0) document.appendText(',"retry_after_ms":' + min(retryAfterMs, MAX_RETRY_AFTER_MS).toString());
  document.appendByte(0x7d);
  abi.fail(document.start, document.length);
  return unreachable();
}
