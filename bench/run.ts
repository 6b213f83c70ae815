// npm run bench -- NAME: runs one benchmark; without a name it lists them.
import { existsSync, readdirSync } from 'node:fs';

const NOT_BENCHES = new Set(['run.ts', 'measure.ts', 'throughput.ts', 'guests.ts', 'in-thread.ts']);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !NOT_BENCHES.has(file))
  .map((file) => file.replace('.ts', ''));
const [name] = process.argv.slice(2);

if (name !== undefined && names.includes(name) && existsSync(new URL(`./${name}.ts`, import.meta.url))) {
  await import(new URL(`./${name}.ts`, import.meta.url).href);
} else {
  console.error(`npm run bench -- NAME, where NAME is one of: ${names.join(', ')}`);
  process.exitCode = 2;
}
