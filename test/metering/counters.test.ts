import { describe, expect, it } from 'vitest';
import { COST_TABLE, MeteringError, meter } from '../../src/metering/index.ts';
import { oneFunction } from './support/binary.ts';
import { wat } from './support/compile.ts';
import { metered } from './support/run.ts';

const PLENTY = 1n << 40n;

function codeOf(bytes: Uint8Array): string | undefined {
  try {
    meter(bytes);
    return undefined;
  } catch (error) {
    return error instanceof MeteringError ? error.code : String(error);
  }
}

describe('running out of fuel', () => {
  const endless: Record<string, string> = {
    'an empty loop': '(func (export "run") (loop (br 0)))',
    'a loop of nothing but its branch in a nested block': '(func (export "run") (loop (block (br 1))))',
    'a br_table loop': '(func (export "run") (loop (br_table 0 0 0 (i32.const 7))))',
    'a br_if loop': '(func (export "run") (loop (br_if 0 (i32.const 1))))',
    'mutual tail calls': '(func $a (export "run") (return_call $b)) (func $b (return_call $a))',
    'an indirect tail call to itself':
      '(type $t (func)) (table 1 funcref) (elem (i32.const 0) $a) (func $a (export "run") (return_call_indirect (type $t) (i32.const 0)))',
    'a start function that never ends': '(func $s (loop (br 0))) (start $s) (func (export "run"))',
    'calls that double at every level':
      '(func $f (export "run") (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))',
  };
  for (const [name, text] of Object.entries(endless)) {
    it(`stops ${name} with fuel below zero and an unreachable trap`, () => {
      const stopped = metered(wat(`(module ${text})`))('run', 5000, 60);
      expect(stopped.error).toBe('unreachable');
      expect(stopped.left).toBeLessThan(0n);
      expect(stopped.left).toBeGreaterThan(-20n);
      expect(stopped.depthLeft).toBeGreaterThan(0);
    });
  }

  it('is told apart from a guest that traps by itself', () => {
    const run = metered(
      wat(
        '(module (func (export "boom") unreachable) (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0)))))',
      ),
    );
    expect(run('boom', 1000)).toMatchObject({ error: 'unreachable', left: 1000n });
    expect(run('divide', 1000)).toMatchObject({ error: 'divide by zero' });
    expect(run('divide', 1000).left).toBeGreaterThan(0n);
  });

  it('reports what a loop burned before the guest traps, up to its last line', () => {
    const run = metered(
      wat(`(module (func (export "run") (param i32)
        (loop (if (i32.eqz (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))) (then unreachable)) (br 0))))`),
    );
    // The last round is left to lines behind it, and the one that follows ends in the trap.
    expect(run('run', PLENTY, 1000).used).toBe(999n * 7n);
  });

  it('does not let a function start without the fuel for its first line', () => {
    const run = metered(
      wat(
        '(module (memory (export "memory") 1) (func (export "run") (i32.store (i32.const 0) (i32.const 1))))',
      ),
    );
    expect(run('run', 2)).toMatchObject({ error: 'unreachable', left: -1n });
    expect(run('run', 3)).toMatchObject({ error: undefined, left: 0n });
  });

  it('stops a guest soon after the calls it returned from have used up the fuel', () => {
    // Every level has a long tail; without a check after calls each would still run.
    const tail = '(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))'.repeat(50);
    const run = metered(
      wat(`(module (memory (export "memory") 1) (func $f (export "run") (param i32)
        (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))) ${tail}))`),
    );
    const total = run('run', PLENTY, 100).used;
    const stopped = run('run', total - 90n * 300n, 100);
    expect(stopped.left).toBeGreaterThan(-400n);
  });
});

describe('host calls', () => {
  const text = `(module (import "host" "call" (func $call (param i32)))
    (func (export "run") (call $call (i32.const 1)) (call $call (i32.const 2)))
    (func (export "late") (param i32)
      (if (local.get 0) (then (drop (i32.mul (i32.const 2) (i32.const 3)))))
      (call $call (i32.const 3)))
    (func (export "inner") (drop (i32.const 1)))
    (func (export "outer") (call $call (i32.const 4)) (call $call (i32.const 5))))`;

  it('see the fuel that is left, and may take some', () => {
    const seen: bigint[] = [];
    const run = metered(wat(text), (exports) => ({
      host: {
        call: () => {
          const fuel = exports()['metering:fuel'] as WebAssembly.Global<'i64'>;
          seen.push(fuel.value);
          fuel.value -= 100n;
        },
      },
    }));
    const step = BigInt(COST_TABLE.instructions.simple + COST_TABLE.instructions.call);
    expect(run('run', 1000)).toMatchObject({ error: undefined, left: 1000n - 2n * step - 200n });
    expect(seen).toEqual([1000n - step, 1000n - 2n * step - 100n]);
  });

  it('stop the guest at once by setting the fuel below zero', () => {
    const calls: number[] = [];
    const run = metered(wat(text), (exports) => ({
      host: {
        call: (number: number) => {
          calls.push(number);
          (exports()['metering:fuel'] as WebAssembly.Global<'i64'>).value = -1n;
        },
      },
    }));
    const stopped = run('run', 1000);
    expect(stopped.error).toBe('unreachable');
    expect(stopped.left).toBeLessThan(0n);
    expect(calls).toEqual([1]);
  });

  it('are not made when fuel is already below zero', () => {
    const calls: number[] = [];
    const run = metered(wat(text), { host: { call: (number: number) => calls.push(number) } });
    const needed = run('late', PLENTY, 1).used;
    calls.length = 0;
    for (let fuel = 0n; fuel < needed; fuel++) expect(run('late', fuel, 1).error).toBe('unreachable');
    expect(calls).toEqual([]);
    expect(run('late', needed, 1).error).toBeUndefined();
    expect(calls).toEqual([3]);
  });

  it('stop below zero also between two calls inside a loop, with every fuel', () => {
    const run = metered(
      wat(`(module (import "host" "call" (func $call (param i32))) (func $inner)
        (func (export "run") (param $n i32)
          (loop (call $inner) (call $call (i32.const 1)) (call $inner) (call $inner) (call $call (i32.const 2))
            (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))`),
      { host: { call: () => {} } },
    );
    const total = run('run', PLENTY, 3).used;
    for (let fuel = 0n; fuel < total; fuel++) {
      const stopped = run('run', fuel, 3);
      expect(stopped.error, `fuel ${fuel}`).toBe('unreachable');
      expect(stopped.left, `fuel ${fuel}`).toBeLessThan(0n);
    }
    expect(run('run', total, 3)).toMatchObject({ error: undefined, left: 0n });
  });

  it('may call back into the module, which is charged to the same counter', () => {
    const run = metered(wat(text), (exports) => ({
      host: { call: () => (exports().inner as () => void)() },
    }));
    expect(run('outer', 1000).used).toBe(2n * 5n + 2n * 2n);
  });
});

describe('the counters are out of reach of the guest', () => {
  const cases: Record<string, [code: number[], refused: string]> = {
    'reading the global behind the last': [[0x23, 1, 0x1a, 0x0b], 'malformed-index'],
    'writing the global behind the last': [[0x42, 0, 0x24, 1, 0x0b], 'malformed-index'],
    'reading the local behind the last': [[0x20, 0, 0x1a, 0x0b], 'malformed-index'],
    'writing the local behind the last': [[0x42, 0, 0x21, 0, 0x0b], 'malformed-index'],
    'a branch past the function': [[0x0c, 1, 0x0b], 'malformed-index'],
    'a block type behind the last type': [[0x02, 1, 0x0b, 0x0b], 'malformed-index'],
    'a call of a function that is not there': [[0x10, 1, 0x0b], 'malformed-index'],
    'operands that are not there': [[0x1a, 0x0b], 'malformed-body'],
    'results that are too many': [[0x41, 0, 0x0b], 'malformed-body'],
  };
  for (const [name, [code, refused]] of Object.entries(cases)) {
    it(`refuses ${name}`, () => expect(codeOf(oneFunction(code))).toBe(refused));
  }

  it('refuses a module that exports a reserved name', () => {
    expect(codeOf(wat('(module (func (export "metering:fuel")))'))).toBe('conflict-reserved-export');
    expect(codeOf(wat('(module (func (export "metering:anything")))'))).toBe('conflict-reserved-export');
    expect(codeOf(meter(wat('(module (func (export "f")))')).bytes)).toBe('conflict-reserved-export');
  });

  it('refuses to export, or to initialize a global from, a global behind the last', () => {
    const good = wat('(module (global i32 (i32.const 1)) (export "g" (global 0)))');
    const bad = good.slice();
    bad[bad.lastIndexOf(0x67) + 2] = 1;
    expect(codeOf(bad)).toBe('malformed-index');
  });
});

describe('what the module was stays what it was', () => {
  it('keeps imports, exports, names and custom sections, and adds the reserved exports behind', () => {
    const bytes = wat(`(module (import "a" "b" (func $imported (param i32)))
      (memory (export "memory") 1 2) (global (export "g") (mut i64) (i64.const 1))
      (func $named (export "run") (call $imported (i32.const 1))) (start $named))`);
    const output = meter(bytes);
    const [plain, changed] = [new WebAssembly.Module(bytes), new WebAssembly.Module(output.bytes)];
    expect(WebAssembly.Module.imports(changed)).toEqual(WebAssembly.Module.imports(plain));
    expect(WebAssembly.Module.exports(changed)).toEqual([
      ...WebAssembly.Module.exports(plain),
      { name: 'metering:fuel', kind: 'global' },
      { name: 'metering:depth', kind: 'global' },
      { name: 'metering:start', kind: 'function' },
    ]);
    expect(WebAssembly.Module.customSections(changed, 'name')).toEqual(
      WebAssembly.Module.customSections(plain, 'name'),
    );
    expect(output.startExport).toBe('metering:start');
  });

  it('works on the smallest module there is', () => {
    const output = meter(wat('(module)'));
    expect(WebAssembly.Module.exports(new WebAssembly.Module(output.bytes))).toHaveLength(2);
    expect(output.startExport).toBeUndefined();
  });

  it('is a function of the bytes alone', () => {
    const bytes = wat('(module (func (export "f") (result i32 i64) (return (i32.const 1) (i64.const 2))))');
    expect(meter(bytes).bytes).toEqual(meter(bytes.slice()).bytes);
    expect(meter(bytes).costTableHash).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});
