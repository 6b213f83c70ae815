import { describe, expect, it } from 'vitest';
import {
  clampMemory,
  clampTable,
  describeModule,
  importMemory,
  keepExports,
  MeteringError,
  meter,
  startToExport,
} from '../../src/metering/index.ts';
import { wat } from './support/compile.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'accepted';
  } catch (error) {
    return error instanceof MeteringError ? error.code : String(error);
  }
}

const instantiate = (bytes: Uint8Array, imports: WebAssembly.Imports = {}): WebAssembly.Exports =>
  new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), imports).exports;

describe('clampMemory', () => {
  it('lowers a maximum, gives one to a memory without, and leaves a lower one', () => {
    for (const [limits, expected] of [
      ['1 100', 8],
      ['1', 8],
      ['1 4', 4],
      ['8 8', 8],
    ] as const) {
      const clamped = clampMemory(wat(`(module (memory (export "m") ${limits}))`), { maxPages: 8 });
      expect(describeModule(clamped).memories[0]?.maxPages).toBe(expected);
      expect(WebAssembly.validate(clamped as BufferSource)).toBe(true);
    }
  });

  it('clamps an imported memory between other imports', () => {
    const bytes = wat(
      '(module (import "a" "f" (func)) (import "a" "m" (memory 1)) (import "a" "g" (global i32)))',
    );
    const clamped = clampMemory(bytes, { maxPages: 300 });
    expect(describeModule(clamped).imports).toEqual([
      { module: 'a', name: 'f', kind: 'function', params: [], results: [] },
      { module: 'a', name: 'm', kind: 'memory', minPages: 1, maxPages: 300 },
      { module: 'a', name: 'g', kind: 'global', type: 'i32', mutable: false },
    ]);
  });

  it('stops growth at the new maximum', () => {
    const bytes = wat(
      '(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))',
    );
    const { grow } = instantiate(clampMemory(bytes, { maxPages: 3 })) as { grow: (pages: number) => number };
    expect(grow(3)).toBe(-1);
    expect(grow(2)).toBe(1);
  });

  it('refuses a minimum above it, and bounds that are none', () => {
    expect(codeOf(() => clampMemory(wat('(module (memory 9))'), { maxPages: 8 }))).toBe(
      'limit-memory-min-pages',
    );
    expect(codeOf(() => clampMemory(wat('(module)'), { maxPages: -1 }))).toBe('invalid-argument');
    expect(codeOf(() => clampMemory(wat('(module)'), { maxPages: 1.5 }))).toBe('invalid-argument');
  });
});

describe('clampTable', () => {
  it('lowers the maximum of every table', () => {
    const bytes = wat('(module (import "a" "t" (table 1 funcref)) (table 2 9 funcref) (table 3 externref))');
    expect(describeModule(clampTable(bytes, { maxElements: 5 })).tables).toEqual([
      { element: 'funcref', minElements: 1, maxElements: 5 },
      { element: 'funcref', minElements: 2, maxElements: 5 },
      { element: 'externref', minElements: 3, maxElements: 5 },
    ]);
  });

  it('refuses a minimum above it', () => {
    expect(codeOf(() => clampTable(wat('(module (table 9 funcref))'), { maxElements: 8 }))).toBe(
      'limit-table-min-elements',
    );
  });
});

describe('keepExports', () => {
  const bytes = wat(`(module (memory (export "memory") 1) (func (export "keep") (result i32) (i32.const 5))
    (func (export "__proto__")) (func (export "constructor")))`);

  it('strips what is not on the list', () => {
    const kept = keepExports(bytes, ['keep', 'absent']);
    expect(WebAssembly.Module.exports(new WebAssembly.Module(kept as BufferSource))).toEqual([
      { name: 'keep', kind: 'function' },
    ]);
    expect((instantiate(kept) as { keep: () => number }).keep()).toBe(5);
  });

  it('strips everything for an empty list, and changes nothing when all are kept', () => {
    expect(describeModule(keepExports(bytes, [])).exports).toEqual([]);
    expect(keepExports(bytes, ['memory', 'keep', '__proto__', 'constructor'])).toBe(bytes);
    expect(keepExports(wat('(module)'), [])).toEqual(wat('(module)'));
  });
});

describe('importMemory', () => {
  const text = `(module (import "a" "f" (func $f)) (memory (export "memory") 1 2) (data (i32.const 4) "data")
    (func (export "read") (result i32) (call $f) (i32.load8_u (i32.const 4))))`;

  it('turns the own memory into an import with its limits; exports and data segments go on working', () => {
    const bytes = importMemory(wat(text), { module: 'host', name: 'memory' });
    expect(describeModule(bytes).imports.at(-1)).toEqual({
      module: 'host',
      name: 'memory',
      kind: 'memory',
      minPages: 1,
      maxPages: 2,
    });
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
    const exports = instantiate(bytes, { a: { f: () => {} }, host: { memory } });
    expect(exports.memory).toBe(memory);
    expect((exports.read as () => number)()).toBe('d'.charCodeAt(0));
  });

  it('works where there was no import section', () => {
    const bytes = importMemory(wat('(module (memory 1))'), { module: 'host', name: 'memory' });
    expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
    expect(describeModule(bytes).imports).toHaveLength(1);
  });

  it('refuses a module without exactly one memory of its own', () => {
    const options = { module: 'host', name: 'memory' };
    expect(codeOf(() => importMemory(wat('(module)'), options))).toBe('conflict-memory');
    expect(codeOf(() => importMemory(wat('(module (import "a" "m" (memory 1)))'), options))).toBe(
      'conflict-memory',
    );
  });
});

describe('startToExport', () => {
  it('exports the start function and no longer runs it', () => {
    const bytes = wat(
      '(module (memory (export "m") 1) (func $s (i32.store8 (i32.const 0) (i32.const 9))) (start $s))',
    );
    const exports = instantiate(startToExport(bytes, { name: 'begin' }));
    const memory = new Uint8Array((exports.m as WebAssembly.Memory).buffer);
    expect(memory[0]).toBe(0);
    (exports.begin as () => void)();
    expect(memory[0]).toBe(9);
  });

  it('works for an imported start function, and leaves a module without one alone', () => {
    let started = 0;
    const bytes = wat('(module (import "a" "f" (func $f)) (start $f))');
    const exports = instantiate(startToExport(bytes, { name: 'begin' }), { a: { f: () => started++ } });
    expect(started).toBe(0);
    (exports.begin as () => void)();
    expect(started).toBe(1);
    const without = wat('(module)');
    expect(startToExport(without, { name: 'begin' })).toBe(without);
  });

  it('refuses a name that is taken', () => {
    const bytes = wat('(module (func $s (export "begin")) (start $s))');
    expect(codeOf(() => startToExport(bytes, { name: 'begin' }))).toBe('conflict-reserved-export');
  });
});

describe('all passes together', () => {
  it('compose in the order of an admission', () => {
    const bytes = wat(`(module (import "env" "log" (func $log (param i32))) (memory (export "memory") 1)
      (table (export "table") 2 funcref) (data (i32.const 0) "A")
      (func $s (call $log (i32.const 1))) (start $s)
      (func (export "run") (result i32) (call $log (i32.const 2)) (i32.load8_u (i32.const 0))))`);
    const kept = keepExports(bytes, ['memory', 'run']);
    const clamped = clampTable(clampMemory(kept, { maxPages: 4 }), { maxElements: 10 });
    const output = meter(importMemory(clamped, { module: 'host', name: 'memory' }));
    const logged: number[] = [];
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    const exports = instantiate(output.bytes, {
      env: { log: (level: number) => logged.push(level) },
      host: { memory },
    });
    expect(Object.keys(exports)).toEqual([
      'memory',
      'run',
      'metering:fuel',
      'metering:depth',
      'metering:start',
    ]);
    (exports['metering:fuel'] as WebAssembly.Global<'i64'>).value = 100n;
    (exports[output.startExport ?? ''] as () => void)();
    expect((exports.run as () => number)()).toBe(65);
    expect(logged).toEqual([1, 2]);
  });
});
