import * as abi from "./abi";
import { ByteBuffer } from "./bytes";
import { writeEscaped } from "./json/escape";

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
  writeEscaped(document, message);
  if (retryable) document.appendText(',"retryable":true');
  if (retryAfterMs >= 0) document.appendText(',"retry_after_ms":' + retryAfterMs.toString());
  document.appendByte(0x7d);
  abi.fail(document.start, document.length);
  return unreachable();
}
