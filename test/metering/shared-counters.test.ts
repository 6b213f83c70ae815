import { describe, expect, it } from 'vitest';
import { COST_TABLE, DEFAULT_DEPTH, MeteringError, meter } from '../../src/metering/index.ts';
import { wat } from './support/compile.ts';
import { metered } from './support/run.ts';

const PLENTY = 1n << 40n;

/** Instances that share the given counters; each imports what the ones before it export. */
function linked(...texts: string[]) {
  const metering = {
    fuel: new WebAssembly.Global({ value: 'i64', mutable: true }, PLENTY),
    depth: new WebAssembly.Global({ value: 'i32', mutable: true }, DEFAULT_DEPTH),
    'denied-grow': new WebAssembly.Global({ value: 'i32', mutable: true }, 0),
  };
  const imports: Record<string, WebAssembly.ModuleImports> = { metering };
  let last: WebAssembly.Exports = {};
  texts.forEach((text, index) => {
    const { bytes } = meter(wat(text), { counters: 'import' });
    last = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports;
    imports[`m${index}`] = last as WebAssembly.ModuleImports;
  });
  return { ...metering, exports: last as Record<string, (...args: unknown[]) => unknown> };
}

const FIRST = `(module (global $calls (export "calls") (mut i32) (i32.const 7))
  (func (export "bump") (param i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (local.get 0))) (global.get $calls)))`;
const SECOND = `(module (import "m0" "calls" (global $calls (mut i32))) (import "m0" "bump" (func $bump (param i32) (result i32)))
  (global $mine (mut i64) (i64.const 40)) (global $copy (export "mine") i64 (i64.const 41))
  (memory 1 2) (table 4 funcref) (elem (i32.const 1) $run)
  (func $run (export "run") (param i32) (result i64)
    (drop (call $bump (local.get 0)))
    (global.set $mine (i64.add (global.get $mine) (i64.extend_i32_s (global.get $calls))))
    (global.get $mine))
  (func (export "deep") (call $deep)) (func $deep (call $deep))
  (func (export "grow") (result i32) (memory.grow (i32.const 5))))`;

describe('modules that import their counters', () => {
  it('spend one fuel between them, exactly, and keep their own globals', () => {
    const { exports, fuel } = linked(FIRST, SECOND);
    expect(exports.run?.(3)).toBe(50n);
    expect((exports.mine as unknown as WebAssembly.Global).value).toBe(41n);
    const own = metered(wat(FIRST))('bump', PLENTY, 3).used;
    // The second module's instructions: get, call, drop, get, get, extend, add, set, get.
    expect(PLENTY - fuel.value).toBe(own + BigInt(8 + COST_TABLE.instructions.call));
    for (let budget = 0n; budget < PLENTY - fuel.value && budget < 16n; budget++) {
      fuel.value = budget;
      expect(() => exports.run?.(0)).toThrow('unreachable');
      expect(fuel.value).toBeLessThan(0n);
    }
  });

  it('share the call depth and the note of a denied growth', () => {
    const { exports, depth, 'denied-grow': denied } = linked(FIRST, SECOND);
    expect(() => exports.deep?.()).toThrow('unreachable');
    expect(depth.value).toBeLessThan(0);
    depth.value = DEFAULT_DEPTH;
    expect(exports.grow?.()).toBe(-1);
    expect(denied.value).toBeLessThan(0);
  });

  it('cannot ask for the counters themselves', () => {
    const thief = wat('(module (import "metering" "fuel" (global (mut i64))))');
    expect(() => meter(thief, { counters: 'import' })).toThrow(
      expect.objectContaining({ code: 'conflict-reserved-import' }),
    );
    expect(() => meter(thief)).not.toThrow(MeteringError);
  });
});

describe('what instantiation costs', () => {
  it('is told: pages and elements from the start, active segments', () => {
    const { lengths } = COST_TABLE;
    const { initialCost } = meter(
      wat(`(module (memory 2) (table 10 funcref) (data (i32.const 0) "12345") (data "passive") (func $f)
        (elem (i32.const 0) $f $f $f) (elem func $f))`),
    );
    expect(initialCost).toBe(
      2 * lengths['memory.grow'].multiplier +
        10 * lengths['table.grow'].multiplier +
        2 +
        3 * lengths['table.init'].multiplier,
    );
    expect(meter(wat('(module (import "a" "b" (memory 9)))')).initialCost).toBe(0);
  });
});
