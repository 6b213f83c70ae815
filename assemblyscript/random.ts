import * as abi from "./abi";

/** Most that the host gives at once. */
const CHUNK_BYTES = 65536;

/** `length` random bytes. Needs the capability `random`. The receipt has the seed: the same run draws the same bytes. */
export function randomBytes(length: i32): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; done += CHUNK_BYTES) {
    abi.random_bytes(bytes.dataStart + done, min(CHUNK_BYTES, length - done));
  }
  return bytes;
}

/** A random number from 0 (inclusive) to 1 (exclusive), 53 bits of it. Needs the capability `random`. */
export function randomNumber(): f64 {
  return <f64>(load<u64>(randomBytes(8).dataStart) >> 11) / 9007199254740992.0;
}
