/**
 * Runs every program, and the kernels in the modules whose files are given, and prints the fuel of each call: run in
 * processes with different compilers.
 */
import { readFileSync } from 'node:fs';
import { KERNELS, SIMD_KERNELS } from '../../../bench/fuel/kernel-times.ts';
import { PROGRAMS, type Program } from './programs.ts';
import { metered } from './run.ts';

const kernels: readonly Program[] = process.argv.slice(2).map((file) => {
  const bytes = readFileSync(file);
  const names = [...KERNELS, ...SIMD_KERNELS].filter((name) => name in exportsOf(bytes));
  return { name: 'kernels', bytes, calls: names.map((name) => [name]) };
});

function exportsOf(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
}

const lines: string[] = [];
for (const { name, bytes, calls } of [...PROGRAMS, ...kernels]) {
  const run = metered(bytes);
  for (const [entry, ...args] of calls) {
    for (const fuel of [1n << 40n, 7000n, 60n, 7n]) {
      const { left, depthLeft, error } = run(entry, fuel, ...args);
      lines.push(`${name} ${entry}(${args.join()}) ${fuel}: ${left} ${depthLeft} ${error ?? 'ok'}`);
    }
  }
}
process.stdout.write(`${lines.join('\n')}\n`);
