// npm run fuzz -- NAME [--count N] [--seed S]
const RUNS: Readonly<Record<string, URL>> = {
  frames: new URL('./fuzz/run-frames.ts', import.meta.url),
  hostcalls: new URL('./fuzz/run-hostcalls.ts', import.meta.url),
  metering: new URL('../test/metering/fuzz/run.ts', import.meta.url),
};

const run = RUNS[process.argv[2] ?? ''];
if (run === undefined) {
  console.error(`npm run fuzz -- NAME, where NAME is one of: ${Object.keys(RUNS).join(', ')}`);
  process.exitCode = 2;
} else await import(run.href);
