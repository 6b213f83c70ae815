import { hash } from 'node:crypto';

/** A number from 0 to `below` - 1. */
export type Random = (below: number) => number;

/** Numbers that are the same for the same seed. */
export function randomFrom(seed: number): Random {
  let state = hash('sha256', String(seed), 'buffer').readUInt32LE(0) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** One of a list that is not empty. */
export function oneOf<Item>(random: Random, list: readonly Item[]): Item {
  return list[random(list.length)] as Item;
}
