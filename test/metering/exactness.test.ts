import { describe, expect, it } from 'vitest';
import { assemblyScript } from './support/compile.ts';
import { Interpreter } from './support/interpreter.ts';
import { PROGRAMS } from './support/programs.ts';
import { type Argument, call, memoryOf, metered } from './support/run.ts';

const PLENTY = 1n << 40n;

/** What the oracle says about one call. */
function oracle(bytes: Uint8Array, name: string, args: readonly Argument[]) {
  const interpreter = new Interpreter(bytes);
  let results: unknown[] | undefined;
  let error: string | undefined;
  try {
    interpreter.start();
    results = interpreter.call(name, ...args);
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  return { results, error, fuel: BigInt(interpreter.fuel), memory: interpreter.memory };
}

describe('metered code behaves as plain code and costs what the oracle adds up', () => {
  for (const { name, bytes, calls } of PROGRAMS) {
    const run = metered(bytes);
    for (const [entry, ...args] of calls) {
      it(`${name}: ${entry}(${args.join(', ')})`, () => {
        const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource)).exports;
        const expected = call(plain, entry, args);
        const judged = oracle(bytes, entry, args);
        const actual = run(entry, PLENTY, ...args);
        expect({ results: actual.results, error: actual.error }).toEqual(expected);
        expect({ results: judged.results, error: judged.error }).toEqual(expected);
        expect(memoryOf(actual.exports)).toEqual(memoryOf(plain));
        if (expected.error === undefined) expect(actual.used).toBe(judged.fuel);
      });
    }
  }
});

const KERNELS = `
  export function sieve(n: i32): i32 {
    const flags = new StaticArray<u8>(n);
    let count = 0;
    for (let i = 2; i < n; i++) {
      if (flags[i]) continue;
      count++;
      for (let j = i * i; j < n; j += i) flags[j] = 1;
    }
    return count;
  }
  export function words(n: i32): i32 {
    let text = '';
    for (let i = 0; i < n; i++) text += i.toString() + (i % 3 == 0 ? ' fizz' : i % 5 == 0 ? ' buzz' : ',');
    const seen = new Map<string, i32>();
    const parts = text.split(',');
    for (let i = 0; i < parts.length; i++) seen.set(parts[i], parts[i].length);
    return seen.size * 1000 + text.length;
  }
  export function sorted(n: i32): f64 {
    const values = new Array<f64>();
    let state: u32 = 12345;
    for (let i = 0; i < n; i++) { state = state * 1664525 + 1013904223; values.push(<f64>state / 3.0); }
    values.sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
    return values[0] + values[n - 1];
  }`;

describe('compiled AssemblyScript', async () => {
  const bytes = await assemblyScript(KERNELS, '--use', 'abort=');
  const run = metered(bytes);
  for (const [entry, size] of [
    ['sieve', 500],
    ['words', 40],
    ['sorted', 60],
  ] as const) {
    it(`costs exactly what the oracle adds up: ${entry}`, () => {
      const judged = oracle(bytes, entry, [size]);
      const actual = run(entry, PLENTY, size);
      expect(actual.error).toBeUndefined();
      expect(actual.results).toEqual(judged.results);
      expect(actual.used).toBe(judged.fuel);
    });
  }
});
