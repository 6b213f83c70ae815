/** node bench/fuel/package-times.ts NAME ROUNDS: a package from npm does its job plain and metered, turn by turn. */
import { createRequire } from 'node:module';
import { meterEverything } from '../../test/metering/real/metered-engine.ts';

export interface PackageTime {
  readonly name: string;
  /** CPU time metered to plain, each in its fastest round. */
  readonly ratio: number;
  /** Bytes of its modules metered to plain. */
  readonly size: number;
}

type Job = () => unknown;

const require = createRequire(import.meta.url);
const [name = '', rounds = '9'] = process.argv.slice(2);

const TEXT = Array.from({ length: 20_000 }, (_, index) => `${index * 7919} line ${index % 97}`).join('\n');

/** Rust: compresses half a megabyte of text. */
function brotli(): Job {
  for (const path of Object.keys(require.cache)) if (path.includes('brotli-wasm')) delete require.cache[path];
  const { compress } = require('brotli-wasm') as { compress(bytes: Uint8Array, options: object): Uint8Array };
  const bytes = new TextEncoder().encode(TEXT);
  return () => Buffer.from(compress(bytes, { quality: 5 })).toString('base64');
}

/** C: a JavaScript engine runs a sieve and sorts strings. */
async function quickjs(): Promise<Job> {
  const { newQuickJSWASMModule } = require('quickjs-emscripten') as {
    newQuickJSWASMModule(): Promise<{ evalCode(program: string): unknown }>;
  };
  const engine = await newQuickJSWASMModule();
  const program = `
    const sieve = new Uint8Array(60000); let primes = 0;
    for (let i = 2; i < sieve.length; i++) {
      if (sieve[i]) continue;
      primes++;
      for (let j = i * 2; j < sieve.length; j += i) sieve[j] = 1;
    }
    const words = Array.from({ length: 5000 }, (_, i) => String((i * 7919) % 5003)).sort();
    primes + words.slice(0, 50).join()`;
  return () => engine.evalCode(program);
}

const JOBS: Readonly<Record<string, () => Job | Promise<Job>>> = {
  'brotli-wasm': brotli,
  'quickjs-emscripten': quickjs,
};

function timed(job: Job): { us: number; result: unknown } {
  const before = process.cpuUsage();
  const result = job();
  const { user, system } = process.cpuUsage(before);
  return { us: user + system, result };
}

const prepare = JOBS[name];
if (prepare === undefined) throw new Error(`expected one of ${Object.keys(JOBS).join(', ')}, got ${name}`);
const plain = await prepare();
const report = meterEverything();
const jobs = [plain, await prepare()];
const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
for (let round = -3; round < Number(rounds); round++) {
  const results = jobs.map((job, index) => {
    const { us, result } = timed(job);
    if (round >= 0) best[index] = Math.min(best[index] as number, us);
    return result;
  });
  if (results[0] !== results[1]) throw new Error(`${name} computes something else when it is metered`);
}
const [plainUs = 1, meteredUs = 1] = best;
const time: PackageTime = { name, ratio: meteredUs / plainUs, size: report.meteredBytes / report.bytes };
process.stdout.write(JSON.stringify(time));
process.exit(0);
