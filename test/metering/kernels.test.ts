import { describe, expect, it } from 'vitest';
import { KERNELS, kernelModule, SIMD_KERNELS } from '../../bench/fuel/kernel-times.ts';
import { NAIVE_FUEL, NAIVE_START, naive } from './support/naive.ts';
import { metered } from './support/run.ts';
import { history, sweep } from './support/sweep.ts';

const PLENTY = 1n << 40n;
const MINUTE_MS = 60_000;

describe.each([
  ['kernels', KERNELS],
  ['simd', SIMD_KERNELS],
] as const)('the %s of the fuel benchmark', async (set, names) => {
  const bytes = await kernelModule(0, set);
  const run = metered(bytes);
  const counted = new WebAssembly.Module(naive(bytes));

  for (const name of names) {
    it(`cost what the naive count adds up, millions of units: ${name}`, () => {
      const { exports } = new WebAssembly.Instance(counted);
      (exports[NAIVE_START] as (() => void) | undefined)?.();
      const result = (exports[name] as () => number)();
      const { results, error, used } = run(name, PLENTY);
      expect(error).toBeUndefined();
      expect(results).toEqual([result]);
      expect(used).toBe((exports[NAIVE_FUEL] as WebAssembly.Global<'i64'>).value);
      expect(used).toBeGreaterThan(1_000_000n);
    });
  }
});

describe('the kernels at a small size', { timeout: 3 * MINUTE_MS }, async () => {
  const bytes = await kernelModule(0, 'kernels', true);
  const run = metered(bytes);

  for (const name of KERNELS) {
    const known = history(bytes, name);
    // The start function comes first in every run: all its values once are enough.
    const from = name === KERNELS[0] ? 0 : known.startFuel;
    it(`stop at the right place with every fuel from ${from} to ${known.total}: ${name}`, () => {
      sweep((fuel) => run(name, fuel), known, from);
    });
  }
});
