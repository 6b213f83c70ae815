import { ABI_ENTRY, ABI_MEMORY } from '../../model/abi.ts';

const FUNCTIONS = 40;
/** i = 2; loop { i = i - 1; mem[8] = mem[4] + i; br_if i }. A function is some of these, and a call of the one before. */
const PATTERN = [
  ...[0x41, 0x02, 0x21, 0x00, 0x03, 0x40, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x21, 0x00],
  ...[0x41, 0x08, 0x41, 0x04, 0x28, 0x02, 0x00, 0x20, 0x00, 0x6a, 0x36, 0x02, 0x00],
  ...[0x20, 0x00, 0x0d, 0x00, 0x0b],
];
const REPEATS = 8;

/** A module of about 10 KB with loops, calls, memory and a start function, to run admission's own code on. */
export function sampleModule(): Uint8Array {
  const text = (value: string) => sized([...Buffer.from(value)]);
  const body = (code: readonly number[]) => sized([0, ...code, 0x0b]);
  const loops = Array.from({ length: REPEATS }, () => PATTERN).flat();
  const bodies = Array.from({ length: FUNCTIONS }, (_, n) =>
    body([...loops, 0x20, 0x00, ...(n === 0 ? [] : [0x10, n - 1])]),
  );
  const [entry, start] = [FUNCTIONS, FUNCTIONS + 1];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [3, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 1, 0x7f, 0x60, 0, 0]),
    ...section(3, [FUNCTIONS + 2, ...Array.from({ length: FUNCTIONS }, () => 0), 1, 2]),
    ...section(5, [1, 0, 1]),
    ...section(6, [1, 0x7f, 1, 0x41, 5, 0x0b]),
    ...section(7, [2, ...text(ABI_ENTRY), 0, entry, ...text(ABI_MEMORY), 2, 0]),
    ...section(8, [start]),
    ...section(10, [
      FUNCTIONS + 2,
      ...bodies.flat(),
      ...body([0x41, 3, 0x10, FUNCTIONS - 1]),
      ...body([0x41, 1, 0x10, 3, 0x1a, 0x41, 7, 0x24, 0]),
    ]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...sized(content)];
}

function sized(content: readonly number[]): number[] {
  const length: number[] = [];
  let rest = content.length;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return [...length, rest, ...content];
}
