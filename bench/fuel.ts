import { execFileSync, spawnSync } from 'node:child_process';
import { meter } from '../src/metering/index.ts';
import { KERNELS, type KernelTimes, kernelModule, SIMD_KERNELS } from './fuel/kernel-times.ts';
import type { PackageTime } from './fuel/package-times.ts';
import { report } from './measure.ts';

/*
 * What fuel and depth cost. Ten kernels (kernels/kernels.ts), each plain against metered in one process, turn by turn, by
 * CPU time; the fastest of the rounds, because a neighbour on the machine can only make a round slower. A kernel's ratio
 * is the median over seven layouts of its code. One process for each compiler: V8 takes the choice at its start.
 * Beside the ten: three kernels with SIMD, and two packages from npm doing their job, if they are installed (`cd bench/fuel
 * && npm install`).
 */
const short = process.argv.includes('--short');
const [layouts, rounds] = short ? [2, 3] : [7, 9];

const optimized = inProcess('--no-liftoff');
const baseline = inProcess('--liftoff-only');
const tiers = inProcess();
const packages = packageTimes();
const modules = await Promise.all([0, 1, 2, 3, 4].map((layout) => kernelModule(layout)));
const sizes = modules.map((bytes) => meter(bytes).bytes.length / bytes.length);

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const geomean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
const ratioOf = (times: KernelTimes, name: string): number =>
  median(times.filter((one) => one.name === name).map(({ plainUs, meteredUs }) => meteredUs / plainUs));
const all = (times: KernelTimes): number => geomean(KERNELS.map((name) => ratioOf(times, name)));

console.log('kernel     optimized  baseline   tiers   (metered / plain, CPU time)');
for (const name of [...KERNELS, ...SIMD_KERNELS]) {
  const ratios = [optimized, baseline, tiers].map((times) => ratioOf(times, name).toFixed(3).padStart(9));
  console.log(`${name.padEnd(10)} ${ratios.join(' ')}`);
}

for (const { name, ratio, size } of packages) {
  console.log(`${name.padEnd(20)} ${ratio.toFixed(3)} as Node compiles it, size ${size.toFixed(2)}`);
}

report(
  'fuel',
  {
    geomean: all(optimized),
    worst: Math.max(...KERNELS.filter((name) => name !== 'fib').map((name) => ratioOf(optimized, name))),
    fib: ratioOf(optimized, 'fib'),
    baseline: all(baseline),
    tiers: all(tiers),
    size: median(sizes),
    rewrite_mb_s: rewriteSpeed(),
    rewrite_10mb_ms: rewriteLarge(),
    simd: geomean(SIMD_KERNELS.map((name) => ratioOf(optimized, name))),
    ...Object.fromEntries(packages.map(({ name, ratio }) => [name.replaceAll('-', '_'), ratio])),
    null_run: geomean(
      KERNELS.map((name) =>
        median(
          optimized
            .filter((one) => one.name === name)
            .map(({ plainUs, plainAgainUs }) => plainAgainUs / plainUs),
        ),
      ),
    ),
  },
  {
    geomean: ['<=', 1.12],
    worst: ['<=', 1.5],
    fib: ['<=', 2],
    baseline: ['<=', 1.25],
    size: ['<=', 1.45],
    rewrite_mb_s: ['>=', 15],
    rewrite_10mb_ms: ['<=', 1200],
  },
);

function inProcess(...flags: string[]): KernelTimes {
  const script = new URL('./fuel/kernel-times.ts', import.meta.url).pathname;
  const output = execFileSync(process.execPath, [...flags, script, String(layouts), String(rounds)]);
  return JSON.parse(output.toString()) as KernelTimes;
}

/** Packages from npm, plain against metered, each in a process of its own. */
function packageTimes(): PackageTime[] {
  const script = new URL('./fuel/package-times.ts', import.meta.url).pathname;
  return ['brotli-wasm', 'quickjs-emscripten'].flatMap((name) => {
    const { status, stdout } = spawnSync(process.execPath, [script, name, String(rounds)]);
    if (status === 0) return [JSON.parse(stdout.toString()) as PackageTime];
    console.log(`${name} is not installed: cd bench/fuel && npm install`);
    return [];
  });
}

/** A module of many functions: the bodies of the kernels, over and over, to about 10 MB. */
function large(): Uint8Array {
  const one = modules[0] as Uint8Array;
  return repeatFunctions(one, Math.ceil(10_000_000 / one.length));
}

function rewriteLarge(): number {
  const bytes = large();
  const before = process.cpuUsage();
  meter(bytes);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function rewriteSpeed(): number {
  const bytes = large();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < (short ? 2 : 5); round++) {
    const before = process.cpuUsage();
    meter(bytes);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, user + system);
  }
  return bytes.length / best;
}

/** The module with its defined functions `times` times over: function and code section repeated, all else as it is. */
function repeatFunctions(bytes: Uint8Array, times: number): Uint8Array {
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const start = at;
    const id = bytes[at++];
    let [size, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++] as number;
      size += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) break;
    }
    const end = at + size;
    if (id === 3 || id === 10) parts.push(repeated(id, bytes.subarray(at, end), times));
    else parts.push(bytes.subarray(start, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function repeated(id: number, payload: Uint8Array, times: number): Uint8Array {
  let [count, scale, at] = [0, 1, 0];
  for (;;) {
    const byte = payload[at++] as number;
    count += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) break;
  }
  const items = payload.subarray(at);
  const head = leb(count * times);
  return Buffer.concat([
    Uint8Array.of(id, ...leb(head.length + items.length * times), ...head),
    ...new Array<Uint8Array>(times).fill(items),
  ]);
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...leb(Math.floor(value / 128))];
}
