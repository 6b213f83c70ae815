import { createHash } from 'node:crypto';

/** Hexadecimal digits of a mark: 128 bits. */
const MARK_DIGITS = 32;

/**
 * The mark that tells the secret references of one invocation's configuration from data that merely looks like them.
 * Deterministic, so that a step that is run again sees the same configuration; `seed` must be what nobody who supplies
 * data knows beforehand: the step's UUID, or a random one where there is no step.
 */
export function secretMarkOf(seed: string): string {
  return createHash('sha256')
    .update(`tasker-wasm-broker/secret-mark\0${seed}`)
    .digest('hex')
    .slice(0, MARK_DIGITS);
}
