import { describe, expect, it } from 'vitest';
import { COST_TABLE, meter } from '../../src/metering/index.ts';
import { wat } from './support/compile.ts';
import { memoryOf, metered } from './support/run.ts';

const PLENTY = 1n << 40n;
const OUT_OF_BOUNDS = 'memory access out of bounds';
const { lengths, instructions } = COST_TABLE;

const run = metered(
  wat(`(module (memory (export "memory") 1 4) (table $t (export "table") 10 20 funcref) (table $u 10 funcref)
    (data $bytes "0123456789") (elem $functions func $f $f $f)
    (func $f)
    (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1)))
    (func (export "copy") (param i32 i32 i32)
      (memory.init $bytes (i32.const 0) (i32.const 0) (i32.const 10))
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (param i32) (memory.init $bytes (i32.const 0) (i32.const 0) (local.get 0)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "growTwice") (param i32 i32) (result i32)
      (drop (memory.grow (local.get 0))) (memory.grow (local.get 1)))
    (func (export "tableGrow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
    (func (export "tableFill") (param i32) (table.fill $t (i32.const 0) (ref.func $f) (local.get 0)))
    (func (export "tableCopy") (param i32) (table.copy $t $u (i32.const 0) (i32.const 0) (local.get 0)))
    (func (export "tableInit") (param i32) (table.init $t $functions (i32.const 0) (i32.const 0) (local.get 0))))`),
);

describe('bulk operations', () => {
  it('are charged by length before they run, all or nothing', () => {
    const whole = run('fill', PLENTY, 0, 65_536).used;
    expect(whole).toBe(
      BigInt(3 * instructions.simple + instructions.bulk + (65_536 >> lengths['memory.fill'].shift)),
    );
    const stopped = run('fill', whole - 1n, 0, 65_536);
    expect(stopped).toMatchObject({ error: 'unreachable', left: -1n });
    expect(memoryOf(stopped.exports).every((byte) => byte === 0)).toBe(true);
    expect(run('fill', whole, 0, 65_536)).toMatchObject({ error: undefined, left: 0n });
  });

  it('move overlapping ranges correctly in both directions, as one operation', () => {
    for (const [to, from] of [
      [3, 0],
      [0, 3],
      [1, 0],
      [0, 0],
    ] as const) {
      const expected = new Uint8Array(65_536);
      expected.set(new TextEncoder().encode('0123456789'));
      expected.copyWithin(to, from, from + 10);
      expect(memoryOf(run('copy', PLENTY, to, from, 10).exports)).toEqual(expected);
    }
  });

  it('trap out of bounds as before, with any fuel that covers the charge', () => {
    for (const length of [65_537, 1 << 30, -1, -65_536, 0x8000_0000 | 0]) {
      const charge = BigInt(3 * instructions.simple + instructions.bulk) + (BigInt(length >>> 0) >> 1n);
      for (const fuel of [charge, charge + 1n, PLENTY]) {
        expect(run('fill', fuel, 0, length)).toMatchObject({ error: OUT_OF_BOUNDS, left: fuel - charge });
      }
      expect(run('fill', charge - 1n, 0, length)).toMatchObject({ error: 'unreachable', left: -1n });
    }
    expect(run('fill', PLENTY, 65_537, 0).error).toBe(OUT_OF_BOUNDS);
    expect(run('init', PLENTY, 11).error).toBe(OUT_OF_BOUNDS);
  });

  it('never add fuel, whatever the length looks like', () => {
    for (const name of ['init', 'grow', 'tableGrow', 'tableFill', 'tableCopy', 'tableInit']) {
      for (const length of [0, 1, 3, 4, 0x7fff_ffff, -0x8000_0000, -1]) {
        expect(run(name, PLENTY, length).used, `${name} ${length}`).toBeGreaterThan(0n);
      }
    }
  });

  it('price tables by the element', () => {
    const price = (name: string, elements: number): bigint =>
      run(name, PLENTY, elements).used - run(name, PLENTY, 0).used;
    expect(price('tableFill', 5)).toBe(BigInt(5 * lengths['table.fill'].multiplier));
    expect(price('tableCopy', 5)).toBe(BigInt(5 * lengths['table.copy'].multiplier));
    expect(price('tableInit', 3)).toBe(BigInt(3 * lengths['table.init'].multiplier));
    expect(price('tableGrow', 10)).toBe(BigInt(10 * lengths['table.grow'].multiplier));
  });
});

describe('bugs that metering of bulk operations had elsewhere', () => {
  const bytes = (exports: WebAssembly.Exports): number[] => [...memoryOf(exports).subarray(0, 16)];

  it('an overlapping copy towards higher addresses is not corrupted, whatever the fuel (split and run forwards)', () => {
    const total = run('copy', PLENTY, 2, 0, 10).used;
    const expected = [48, 49, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 0, 0, 0, 0];
    for (let fuel = total; fuel < total + 20n; fuel++)
      expect(bytes(run('copy', fuel, 2, 0, 10).exports)).toEqual(expected);
  });

  it('a fill out of bounds traps out of bounds and does not drain the fuel (charged piece by piece)', () => {
    const charge = 3n + BigInt(instructions.bulk) + (65_600n >> 1n);
    for (const fuel of [charge, charge + 1n, 2n * charge, PLENTY]) {
      const trapped = run('fill', fuel, 0, 65_600);
      expect(trapped).toMatchObject({ error: OUT_OF_BOUNDS, left: fuel - charge });
      expect(memoryOf(trapped.exports).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('a copy is never stopped inside: it has happened or it has not (preempted between two pieces)', () => {
    const total = run('copy', PLENTY, 20, 0, 10_000).used;
    let copied = 0;
    for (const fuel of [0n, 5n, 100n, total / 2n, total - 2n, total - 1n, total]) {
      const memory = memoryOf(run('copy', fuel, 20, 0, 10_000).exports);
      const moved = [...memory.subarray(20, 30)];
      expect([String(new Array(10).fill(0)), String([48, 49, 50, 51, 52, 53, 54, 55, 56, 57])]).toContain(
        String(moved),
      );
      if (moved[0] !== 0) copied++;
    }
    expect(copied).toBe(1);
  });
});

describe('growth', () => {
  it('is paid by the page when it can succeed, and by the fixed part only when it must fail', () => {
    const base = run('grow', PLENTY, 0).used;
    expect(run('grow', PLENTY, 3)).toMatchObject({
      results: [1],
      used: base + BigInt(3 * lengths['memory.grow'].multiplier),
    });
    for (const pages of [4, 65_536, -1, 0x8000_0000 | 0]) {
      expect(run('grow', PLENTY, pages)).toMatchObject({ results: [-1], used: base });
    }
    expect(run('tableGrow', PLENTY, 11)).toMatchObject({
      results: [-1],
      used: run('tableGrow', PLENTY, 0).used,
    });
  });

  it('counts the pages that are already there', () => {
    const base = run('growTwice', PLENTY, 0, 0).used;
    const page = BigInt(lengths['memory.grow'].multiplier);
    expect(run('growTwice', PLENTY, 2, 1)).toMatchObject({ results: [3], used: base + 3n * page });
    expect(run('growTwice', PLENTY, 2, 2)).toMatchObject({ results: [-1], used: base + 2n * page });
  });

  it('does not happen without the fuel for it', () => {
    const stopped = run('grow', 65_000, 1);
    expect(stopped).toMatchObject({ error: 'unreachable' });
    expect(stopped.left).toBeLessThan(0n);
    expect(memoryOf(stopped.exports).length).toBe(65_536);
  });

  it('that was denied makes a global negative, and one that came about does not', () => {
    const denied = (exports: WebAssembly.Exports): unknown =>
      (exports['metering:denied-grow'] as WebAssembly.Global).value;
    expect(denied(run('grow', PLENTY, 3).exports)).toBeGreaterThanOrEqual(0);
    expect(denied(run('growTwice', PLENTY, 4, 1).exports)).toBeLessThan(0);
    expect(denied(run('growTwice', PLENTY, 1, 4).exports)).toBeLessThan(0);
    expect(denied(run('tableGrow', PLENTY, 11).exports)).toBe(0);
  });

  it('adds nothing to a module that grows no memory', () => {
    const module = wat('(module (memory 1) (func (export "size") (result i32) (memory.size)))');
    expect(meter(module).deniedGrowExport).toBeUndefined();
    expect(Object.keys(metered(module)('size', PLENTY).exports)).not.toContain('metering:denied-grow');
  });
});
