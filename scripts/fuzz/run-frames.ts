// npm run fuzz -- frames [--count N] [--seed N]
import { parseArgs } from 'node:util';
import { fuzzFrames } from './frames.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
if (positionals[0] !== 'frames') {
  console.error('npm run fuzz -- frames [--count N] [--seed N]');
  process.exitCode = 2;
} else {
  const startedMs = performance.now();
  console.log(JSON.stringify({ fuzz: 'frames', seed: Number(values.seed), count: Number(values.count) }));
  const result = await fuzzFrames({ count: Number(values.count), seed: Number(values.seed) });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(JSON.stringify({ fuzz: 'frames', seed: Number(values.seed), ...result, seconds }));
  process.exitCode = result.granted === 0 ? 0 : 1;
}
