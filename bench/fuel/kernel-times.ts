import { readFileSync } from 'node:fs';
import { meter } from '../../src/metering/index.ts';
import { assemblyScript } from '../../test/metering/support/compile.ts';

/** Ways in which a guest spends its time; `kernels/kernels.ts` has one function for each. */
export const KERNELS = [
  'sha256',
  'json',
  'matmul',
  'nested',
  'tight',
  'fib',
  'strings',
  'sort',
  'qsort',
  'interp',
] as const;

/** Kernels with fixed-width SIMD (`kernels/simd.ts`). */
export const SIMD_KERNELS = ['dot', 'lines', 'blur'] as const;

/** CPU time of one call in the fastest round, in microseconds. */
export interface KernelTime {
  readonly name: string;
  readonly layout: number;
  readonly plainUs: number;
  /** The plain module once more, as if it were another: what the method itself shows as a difference. */
  readonly plainAgainUs: number;
  readonly meteredUs: number;
}

export type KernelTimes = readonly KernelTime[];

/** The kernels, compiled as handlers are, with the code of the loops moved by a few bytes for each layout. */
export async function kernelModule(
  layout: number,
  set: 'kernels' | 'simd' = 'kernels',
  small = false,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = readFileSync(new URL(`../kernels/${set}.ts`, import.meta.url), 'utf8');
  const head = `const LAYOUT: i32 = ${layout}; const SMALL: bool = ${small};\n`;
  const features = set === 'simd' ? ['--enable', 'simd'] : [];
  return assemblyScript(`${head}${source}`, '-O3', '--use', 'abort=', ...features);
}

const WARM_UP_ROUNDS = 3;
const PLENTY = 1n << 60n;

type Kernel = (name: string) => { readonly us: number; readonly result: unknown };

function plain(bytes: Uint8Array<ArrayBuffer>): Kernel {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return (name) => timed(exports[name] as () => unknown);
}

function metered(bytes: Uint8Array<ArrayBuffer>): Kernel {
  const output = meter(bytes);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(output.bytes));
  const fuel = exports[output.fuelExport] as WebAssembly.Global<'i64'>;
  fuel.value = PLENTY;
  if (output.startExport !== undefined) (exports[output.startExport] as () => void)();
  return (name) => {
    fuel.value = PLENTY;
    return timed(exports[name] as () => unknown);
  };
}

function timed(call: () => unknown): { us: number; result: unknown } {
  const before = process.cpuUsage();
  const result = call();
  const { user, system } = process.cpuUsage(before);
  return { us: user + system, result };
}

/** Every kernel in fresh instances, its three variants turn by turn. */
function measureKernel(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  layout: number,
  rounds: number,
): KernelTime {
  const variants = [plain(bytes), metered(bytes), plain(bytes)];
  const best = variants.map(() => Number.POSITIVE_INFINITY);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const results = variants.map((kernel, index) => {
      const { us, result } = kernel(name);
      if (round >= 0) best[index] = Math.min(best[index] as number, us);
      return result;
    });
    if (new Set(results).size !== 1) throw new Error(`${name} computes something else when it is metered`);
  }
  const [plainUs = 0, meteredUs = 0, plainAgainUs = 0] = best;
  return { name, layout, plainUs, plainAgainUs, meteredUs };
}

if (import.meta.main) {
  const [layouts, rounds] = process.argv.slice(2).map(Number);
  const times: KernelTime[] = [];
  for (let layout = 0; layout < (layouts ?? 5); layout++) {
    for (const set of ['kernels', 'simd'] as const) {
      const bytes = await kernelModule(layout, set);
      const names = set === 'simd' ? SIMD_KERNELS : KERNELS;
      for (const name of names) times.push(measureKernel(bytes, name, layout, rounds ?? 9));
    }
  }
  process.stdout.write(JSON.stringify(times));
}
