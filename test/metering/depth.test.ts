import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COST_TABLE, DEFAULT_DEPTH, meter } from '../../src/metering/index.ts';
import { type CalledFunction, callGraph, moduleOf, weightOf } from './support/call-graph.ts';
import { wat } from './support/compile.ts';
import { Interpreter } from './support/interpreter.ts';
import { metered } from './support/run.ts';

const PLENTY = 1n << 40n;
const { overheadBytes, slotBytes, vectorBytes } = COST_TABLE.frame;
const repeat = (count: number, text: string): string => Array(count).fill(text).join(' ');

/** Recursion in different shapes: what one frame weighs is in its locals, its operands, its parameters or nothing. */
const RECURSIONS: Record<string, [text: string, weight: number]> = {
  'a tiny function': ['(func $f (export "run") (call $f))', overheadBytes],
  'many locals': [
    `(func $f (export "run") (local ${repeat(1000, 'i64')}) (call $f))`,
    overheadBytes + 1000 * slotBytes,
  ],
  'vector locals': [
    `(func $f (export "run") (local ${repeat(10, 'v128')}) (call $f))`,
    overheadBytes + 10 * vectorBytes,
  ],
  'a tall operand stack': [
    `(func $f (export "run") ${repeat(2000, '(i32.const 1)')} (call $f) ${repeat(2000, 'drop')})`,
    overheadBytes + 2000 * slotBytes,
  ],
  'vectors on the operand stack': [
    `(func $f (export "run") ${repeat(9, '(v128.const i64x2 1 2)')} (call $f) ${repeat(9, 'drop')})`,
    overheadBytes + 9 * vectorBytes,
  ],
  'parameters and results': [
    '(func (export "run") (drop (call $f (i32.const 1)))) (func $f (param i32) (result i64) (call $f (local.get 0)))',
    // Parameter as local, in its place, and as operand; result in its place; the operand slot serves both.
    overheadBytes + 2 * slotBytes + slotBytes + slotBytes,
  ],
  'indirect calls': [
    '(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f (export "run") (call_indirect (type $t) (i32.const 0)))',
    overheadBytes + slotBytes,
  ],
};

describe('call depth', () => {
  for (const [name, [text, weight]] of Object.entries(RECURSIONS)) {
    it(`stops recursion with ${name} at the same frame every time, told apart from unreachable and from fuel`, () => {
      const run = metered(wat(`(module ${text})`));
      const stopped = run('run', PLENTY);
      expect(stopped.error).toBe('unreachable');
      expect(stopped.left).toBeGreaterThan(0n);
      expect(stopped.depthLeft).toBeLessThan(0);
      expect(stopped.depthLeft).toBeGreaterThanOrEqual(-weight);
      expect(run('run', PLENTY)).toMatchObject({ depthLeft: stopped.depthLeft, used: stopped.used });
    });

    it(`fits the default on the stack of a JSPI call: ${name}`, async () => {
      const output = meter(wat(`(module ${text})`));
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(output.bytes));
      (exports[output.fuelExport] as WebAssembly.Global<'i64'>).value = PLENTY;
      const promising = (WebAssembly as unknown as { promising(call: unknown): () => Promise<unknown> })
        .promising;
      await expect(promising(exports.run)()).rejects.toThrow('unreachable');
      expect((exports[output.depthExport] as WebAssembly.Global<'i32'>).value).toBeLessThan(0);
    });
  }

  it('weighs leaves too', () => {
    const text = `(module (func (export "run") (call $leaf)) (func $leaf (local ${repeat(40_000, 'v128')})))`;
    const stopped = metered(wat(text))('run', PLENTY);
    expect(stopped).toMatchObject({ error: 'unreachable' });
    expect(stopped.depthLeft).toBe(DEFAULT_DEPTH - overheadBytes - (overheadBytes + 40_000 * vectorBytes));
  });

  it('is given back at every way out', () => {
    const run = metered(
      wat(`(module (func $f (param i32) (result i32)
          (if (i32.eq (local.get 0) (i32.const 0)) (then (return (i32.const 1))))
          (br_if 0 (i32.const 2) (i32.eq (local.get 0) (i32.const 1)))
          drop
          (block (result i32) (br_table 0 1 (i32.const 3) (i32.sub (local.get 0) (i32.const 2)))) drop
          (if (i32.eq (local.get 0) (i32.const 3)) (then (return_call $f (i32.const 1))))
          (i32.const 4))
        (func (export "run") (param i32) (result i32) (local $n i32)
          (loop (drop (call $f (local.get 0)))
            (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20000))))
          (call $f (local.get 0))))`),
    );
    for (const path of [0, 1, 2, 3, 4]) {
      expect(run('run', PLENTY, path), `path ${path}`).toMatchObject({
        error: undefined,
        depthLeft: DEFAULT_DEPTH,
      });
    }
  });
});

/** Lets the interpreter run the metered module, which says at every `nop` what is on the stack. */
function watch(functions: readonly CalledFunction[], limit: number): { nops: number; leaves: number } {
  const output = meter(moduleOf(functions));
  const host = Object.fromEntries(
    functions.map((_, index) => [
      `f${index}`,
      (...args: (number | bigint | null)[]) => {
        interpreter.call(`f${index}`, ...args);
      },
    ]),
  );
  const interpreter = new Interpreter(output.bytes, { host });
  const seen = { nops: 0, leaves: 0 };
  const [fuel, depth] = [0, 1];
  // Functions that become each other for ever end by fuel.
  interpreter.globals[fuel] = 10_000n;
  interpreter.globals[depth] = limit - output.uncountedBytes;
  interpreter.onNop = () => {
    const weights = interpreter.frames.map((index) => weightOf(functions, index - functions.length));
    const live = weights.reduce((sum, weight) => sum + weight, 0);
    const taken = limit - Number(interpreter.globals[depth]);
    seen.nops++;
    if (live > taken - output.uncountedBytes) seen.leaves++;
    expect(taken).toBeGreaterThanOrEqual(live);
    expect(taken - output.uncountedBytes).toBeLessThanOrEqual(live);
  };
  const args = new Array<bigint>(functions[0]?.params ?? 0).fill(1n);
  try {
    interpreter.call('f0', ...args);
  } catch (error) {
    expect((error as Error).message).toBe('unreachable');
  }
  return seen;
}

describe('the weight of live frames', () => {
  it('is never more than what is taken of the depth, leaves included, and what is taken never more than a leaf above it', () => {
    let leaves = 0;
    fc.assert(
      fc.property(callGraph, (functions) => {
        leaves += watch(functions, 16 * 1024).leaves;
      }),
      { seed: 4, numRuns: 200 },
    );
    expect(leaves).toBeGreaterThan(200);
  });

  it('is set aside for what is not counted, in a new instance too', () => {
    const leaf = '(func $leaf (local i64 i64))';
    const bytes = wat(`(module (func (export "run") (call $leaf)) ${leaf})`);
    const early = wat(`(module ${leaf} (func (export "run") (call $leaf)))`);
    for (const module of [bytes, early]) {
      const output = meter(module);
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(output.bytes));
      const start = (exports[output.depthExport] as WebAssembly.Global<'i32'>).value;
      expect(start).toBe(DEFAULT_DEPTH - output.uncountedBytes);
    }
    expect(meter(bytes).uncountedBytes).toBe(overheadBytes + 2 * slotBytes);
    expect(meter(early).uncountedBytes).toBe(2 * overheadBytes + 2 * slotBytes);
    // What metering adds to grow a memory is called, too: by a function that is not counted, and by one that is.
    const growing = 'memory.grow (i32.const 0)';
    const grow = overheadBytes + slotBytes * (2 + 1 + 4);
    expect(meter(wat(`(module (memory 1) (func (drop (${growing}))))`)).uncountedBytes).toBe(
      overheadBytes + slotBytes + grow,
    );
    const recursive = `(module (memory 1) (func $f (drop (${growing})) (call $f)))`;
    expect(meter(wat(recursive)).uncountedBytes).toBe(grow);
    expect(meter(wat('(module (import "m" "f" (func $f)) (func (call $f)))')).uncountedBytes).toBe(0);
  });
});
