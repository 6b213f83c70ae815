/** Runs every program and prints the fuel of each call: run in processes with different compilers. */
import { KERNELS, kernelModule } from '../../../bench/fuel/kernel-times.ts';
import { PROGRAMS, type Program } from './programs.ts';
import { metered } from './run.ts';

const kernels: readonly Program[] = [
  { name: 'kernels', bytes: await kernelModule(0), calls: KERNELS.map((name) => [name]) },
  {
    name: 'small kernels',
    bytes: await kernelModule(0, 'kernels', true),
    calls: KERNELS.map((name) => [name]),
  },
];

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
