import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('./support/print-fuel.ts', import.meta.url));

async function output(flag: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [flag, script]);
  return stdout;
}

it('fuel, depth and traps are the same in the baseline and in the optimizing compiler', async () => {
  const [baseline, optimized] = await Promise.all([output('--liftoff-only'), output('--no-liftoff')]);
  expect(baseline.split('\n').length).toBeGreaterThan(100);
  expect(optimized).toBe(baseline);
});
