import * as abi from "./abi";
import { JsonWriter } from "./json/writer";
import { takeResult } from "./result";

/**
 * What an earlier step of this handler in this namespace kept under `key`, or null. It may be gone at any time: have
 * another way. Needs the capability `cache`; a host that refuses ends the step.
 */
export function cacheGet(key: string): string | null {
  const bytes = String.UTF8.encode(key);
  const result = takeResult(abi.cache_get(changetype<usize>(bytes), bytes.byteLength));
  return load<u8>(result.start) == 0 ? null : String.UTF8.decodeUnsafe(result.start + 1, result.length - 1);
}

/** Keeps `value` under `key` for `ttlMs` milliseconds. Needs the capability `cache`; a host that refuses ends the step. */
export function cachePut(key: string, value: string, ttlMs: i32): void {
  const frame = new JsonWriter();
  frame.extend(4);
  frame.beginObject().key("key").string(key).key("ttl_ms").integer(ttlMs).endObject();
  store<u32>(frame.start, frame.length - 4);
  frame.appendText(value);
  takeResult(abi.cache_put(frame.start, frame.length));
}
