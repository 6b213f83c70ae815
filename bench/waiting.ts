// Many invocations that wait on one thread: 1,000, each for 50 ms on a host call, on one warm lane.
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { guest, text } from '../test/guests/wat.ts';
import { report } from './measure.ts';
import { throughput } from './throughput.ts';

const COUNT = 1000;
const WAIT_MS = 50;
let waitMs = 0;
const short = process.argv.includes('--short');

const head = JSON.stringify({ method: 'GET', url: 'https://example.com/', headers: {} });
const frame = text(68, head);
/** Sends one request and writes `1`. */
const WAITING = guest({
  imports: ['http_request', 'output_write'],
  pages: '1 1',
  fields: `(data (i32.const 64) "\\${head.length.toString(16).padStart(2, '0')}\\00\\00\\00") ${frame.field}`,
  body: `(if (call $http_request (i32.const 64) (i32.const ${4 + head.length})) (then (unreachable)))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});
const PAGE_KB = 64;

const response = {
  kind: 'response',
  status: 200,
  url: 'https://example.com/',
  headers: [],
  body: new Uint8Array(),
};
const sandbox = createSandbox({
  lanes: 1,
  inFlightPerLane: COUNT,
  host: {
    http: {
      exchange: () => new Promise((resolve) => setTimeout(() => resolve(response as never), waitMs)),
      close: async () => {},
    },
    secrets: { get: async () => null },
  },
});
const artifact = await sandbox.admit(WAITING);
const grants = [
  {
    capability: 'http',
    schemes: ['https'],
    hosts: ['example.com'],
    ports: [443],
    methods: ['GET'],
    path_prefix: '/',
  },
] as const;

/** All at once; the largest resident size seen meanwhile, in KB. */
async function all(): Promise<{ totalMs: number; peakKb: number }> {
  let peakKb = 0;
  const look = setInterval(() => (peakKb = Math.max(peakKb, process.memoryUsage.rss() / 1024)), 20);
  const startedMs = performance.now();
  const outcomes = await Promise.all(Array.from({ length: COUNT }, one));
  const totalMs = performance.now() - startedMs;
  clearInterval(look);
  const failed = outcomes.find(({ kind }) => kind !== 'completed');
  if (failed !== undefined) throw new Error(`expected completed, got ${JSON.stringify(failed)}`);
  return { totalMs, peakKb };
}

const one = () => sandbox.execute(artifact, { input: '{}', grants: grants as never });
// A warm lane: code compiled, JavaScript heaps grown, and a few memories.
await throughput(one, 16, short ? 500 : 3000);
waitMs = WAIT_MS;
const idleKb = process.memoryUsage.rss() / 1024;
// The first round is the one that makes the memories: its growth is what they and the waiting cost.
const first = await all();
const before = process.cpuUsage();
const rounds: number[] = [];
for (let round = 0; round < (short ? 3 : 15); round += 1) rounds.push((await all()).totalMs);
const { user, system } = process.cpuUsage(before);
const cpuMs = (user + system) / 1000 / rounds.length;
rounds.sort((a, b) => a - b);
await sandbox.close();

const totalMs = rounds[rounds.length >> 1] ?? Number.NaN;
console.log(
  `first round ${first.totalMs.toFixed(0)} ms; then ${rounds.map((ms) => ms.toFixed(0)).join(' ')} ms`,
);
report(
  'waiting',
  {
    total_ms: totalMs,
    rss_kb: (first.peakKb - idleKb) / COUNT - PAGE_KB,
    first_ms: first.totalMs,
    cpu_ms: cpuMs,
    grown_kb: (first.peakKb - idleKb) / COUNT,
  },
  { total_ms: ['<=', 150], rss_kb: ['<=', 24] },
);
