// npm run fuzz -- hostcalls [--count N] [--seed N]
import { parseArgs } from 'node:util';
import { fuzzHostCalls } from './hostcalls/fuzz.ts';

const { values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const seed = Number(values.seed);
console.log(JSON.stringify({ fuzz: 'hostcalls', seed, count: Number(values.count) }));
const startedMs = performance.now();
const result = await fuzzHostCalls({ count: Number(values.count), seed });
const seconds = Math.round((performance.now() - startedMs) / 1000);
console.log(JSON.stringify({ fuzz: 'hostcalls', seed, ...result, seconds }));
