import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kernelModule } from '../../bench/fuel/kernel-times.ts';

const MINUTE_MS = 60_000;
const script = fileURLToPath(new URL('./support/print-fuel.ts', import.meta.url));

let folder: string;
const kernels: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kernels-'));
  const variants = [['kernels', false] as const, ['kernels', true] as const, ['simd', false] as const];
  for (const [set, small] of variants) {
    const file = join(folder, `${set}-${small}.wasm`);
    await writeFile(file, await kernelModule(0, set, small));
    kernels.push(file);
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function output(flag: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [flag, script, ...kernels]);
  return stdout;
}

it('fuel, depth and traps are the same in the baseline and in the optimizing compiler', {
  timeout: 4 * MINUTE_MS,
}, async () => {
  const [baseline, optimized] = await Promise.all([output('--liftoff-only'), output('--no-liftoff')]);
  expect(baseline.split('\n').length).toBeGreaterThan(180);
  expect(optimized).toBe(baseline);
});
