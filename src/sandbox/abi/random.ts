/** Runs in a lane's thread: the import `random_bytes`. */
import { createCipheriv } from 'node:crypto';
import { guestBytes } from './guest-memory.ts';
import {
  brokenRule,
  chargeGuest,
  type GuestState,
  isOutOfFuel,
  stopGuest,
  ungranted,
} from './guest-state.ts';
import { priceOf } from './price.ts';

/** As `crypto.getRandomValues` has it: more is asked for in several calls, each of them paid. */
export const RANDOM_BYTES_MAX = 65_536;

/** Fills a piece of memory with the next bytes of the invocation's stream. */
export function randomBytesImport(state: GuestState): (...args: number[]) => undefined {
  return (pointer = 0, length = 0) => {
    if (state.seed === null) {
      ungranted(state, 'random_bytes');
      return undefined;
    }
    const size = length >>> 0;
    chargeGuest(state, priceOf(size));
    if (isOutOfFuel(state)) return undefined;
    if (size > RANDOM_BYTES_MAX) {
      const message = `random_bytes: ${size} bytes asked for; at most ${RANDOM_BYTES_MAX} at once`;
      stopGuest(state, brokenRule('ERR_GUEST_PROTOCOL', message));
      return undefined;
    }
    // Kept in the state, which ends with the invocation: this function is used by the next one too.
    state.random ??= randomStream(state.seed);
    guestBytes(state, 'random_bytes', pointer, size)?.set(state.random(size));
    return undefined;
  };
}

/** The key stream of AES-256 in counter mode (NIST SP 800-38A) from counter 0: the same for the same seed, everywhere. */
export function randomStream(seed: Uint8Array): (size: number) => Uint8Array {
  const cipher = createCipheriv('aes-256-ctr', seed, new Uint8Array(16));
  return (size) => cipher.update(new Uint8Array(size));
}
