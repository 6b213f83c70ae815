import { type PlainParts, plainText } from '../../src/attack/guests/plain.ts';
import { wat } from './wat.ts';

export { stringAt } from '../../src/attack/guests/plain.ts';

/** A module in the shape that `asc --exportRuntime` gives to `export function handle(input: string): string`. */
export function plainGuest(parts: PlainParts): Uint8Array {
  return wat(plainText(parts));
}
