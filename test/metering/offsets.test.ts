import { describe, expect, it } from 'vitest';
import { meter, originalOffset } from '../../src/metering/index.ts';
import { wat } from './support/compile.ts';
import { PROGRAMS } from './support/programs.ts';

/** The module offsets of the wasm frames of a trap, innermost first. */
function frames(run: () => unknown): number[] {
  try {
    run();
  } catch (error) {
    return [...String((error as Error).stack).matchAll(/wasm-function\[\d+\]:0x([0-9a-f]+)/g)].map((match) =>
      Number.parseInt(match[1] ?? '', 16),
    );
  }
  throw new Error('no trap');
}

const text = `(module (memory 1)
  (func $low (param i32) (result i32)
    (if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))
    (drop (i32.load (i32.mul (local.get 0) (i32.const 100000))))
    (memory.fill (i32.const 0) (i32.const 0) (i32.mul (local.get 0) (i32.const 10000)))
    (i32.div_u (i32.const 1) (local.get 0)))
  (func (export "run") (param i32) (result i32)
    (loop (br_if 0 (i32.eqz (i32.const 1))))
    (i32.add (call $low (i32.const 3)) (call $low (local.get 0)))))`;

describe('offsets', () => {
  for (const [name, argument, source] of [
    ['unreachable', 1, text],
    ['a load out of bounds', 2, text],
    ['a fill out of bounds', 7, text.replace('100000', '1')],
    ['a division by zero', 0, text],
  ] as const) {
    it(`lead every frame of a trap back to its place in the original: ${name}`, () => {
      const patched = wat(source.replace('(call $low (i32.const 3))', '(i32.const 3)'));
      const output = meter(patched);
      const plain = new WebAssembly.Instance(new WebAssembly.Module(patched)).exports;
      const metered = new WebAssembly.Instance(new WebAssembly.Module(output.bytes)).exports;
      (metered[output.fuelExport] as WebAssembly.Global<'i64'>).value = 1_000_000n;
      const expected = frames(() => (plain.run as (n: number) => number)(argument));
      const actual = frames(() => (metered.run as (n: number) => number)(argument));
      expect(expected).toHaveLength(2);
      expect(actual.map((offset) => originalOffset(output.offsets, offset))).toEqual(expected);
    });
  }

  it('ascend in both modules, and cover every byte of every body', () => {
    for (const { bytes } of PROGRAMS) {
      const { offsets, bytes: output } = meter(bytes);
      const { metered, original } = offsets;
      expect([...metered]).toEqual([...metered].sort((a, b) => a - b));
      expect([...original]).toEqual([...original].sort((a, b) => a - b));
      const [first = 0, last = 0] = [metered.at(0), metered.at(-1)];
      const reached = new Set<number | undefined>();
      for (let offset = first; offset < last; offset++) {
        const from = originalOffset(offsets, offset);
        // A byte either was copied from there or was inserted before it.
        expect(from).toBeDefined();
        reached.add(from);
      }
      expect(last).toBeLessThanOrEqual(output.length);
      expect(reached.size).toBeGreaterThanOrEqual(
        (original.at(-1) ?? 0) - (original.at(0) ?? 0) - original.length,
      );
      expect(originalOffset(offsets, first - 1)).toBeUndefined();
      expect(originalOffset(offsets, last)).toBeUndefined();
    }
  });
});
