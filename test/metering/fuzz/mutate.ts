import type { Random } from './random.ts';

/** A module with a few bytes of it changed, preferably behind its first quarter: in the code. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const mutated = new Uint8Array(bytes);
  const changes = 1 + random.below(3);
  for (let change = 0; change < changes; change++) {
    const from = random.below(4) === 0 ? 8 : bytes.length >> 2;
    const at = from + random.below(bytes.length - from);
    mutated[at] =
      random.below(2) === 0 ? random.below(256) : (mutated[at] as number) ^ (1 << random.below(8));
  }
  return mutated;
}
