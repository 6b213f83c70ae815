/** Runs every program and prints the fuel of each call: run in processes with different compilers. */
import { PROGRAMS } from './programs.ts';
import { metered } from './run.ts';

const lines: string[] = [];
for (const { name, bytes, calls } of PROGRAMS) {
  const run = metered(bytes);
  for (const [entry, ...args] of calls) {
    for (const fuel of [1n << 40n, 60n, 7n]) {
      const { left, depthLeft, error } = run(entry, fuel, ...args);
      lines.push(`${name} ${entry}(${args.join()}) ${fuel}: ${left} ${depthLeft} ${error ?? 'ok'}`);
    }
  }
}
process.stdout.write(`${lines.join('\n')}\n`);
