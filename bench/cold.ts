// How long the first time takes: new module bytes to their first result on a running pool, stage by stage; a new lane;
// and a lane in the place of one that was killed. Elapsed time, medians.
import { setTimeout as sleep } from 'node:timers/promises';
import { appendCustomSection } from '../src/catalog/compile-section.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { compileSource } from '../test/assemblyscript/compile-source.ts';
import { ECHO, ENDLESS } from '../test/guests/wat.ts';
import { report } from './measure.ts';

const short = process.argv.includes('--short');
const rounds = short ? 3 : 15;
/** A spare child needs so long to stand ready behind the last admission. */
const SPARE_READY_MS = 2_000;

/** A small handler as an author writes it: about 20 KB. */
const HANDLER = `@json class Order { id: string = ""; total: f64; }
  @json class Orders { orders: Order[] = []; }
  @json class Sum { count: i32; total: f64; }
  @handler("sum")
  function sum(input: Orders): Sum {
    const result = new Sum();
    for (let i = 0; i < input.orders.length; i++) { result.count++; result.total += input.orders[i].total; }
    return result;
  }`;
const { wasm } = await compileSource(HANDLER, { runtime: 'stub' });
const input = JSON.stringify({
  orders: [
    { id: 'a', total: 1.5 },
    { id: 'b', total: 2 },
  ],
});

const events: { what: 'ready' | 'lost'; atMs: number }[] = [];
const startedMs = performance.now();
const sandbox = createSandbox({
  limits: { fuel: 10 ** 15, wall_ms: 50 },
  onLaneReady: () => events.push({ what: 'ready', atMs: performance.now() }),
  onLaneLost: () => events.push({ what: 'lost', atMs: performance.now() }),
});
const echo = await sandbox.admit(ECHO);
await sandbox.execute(echo, { input });

const admitMs: number[] = [];
const executeMs: number[] = [];
const firstMs: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  await sleep(SPARE_READY_MS);
  const unseen = appendCustomSection(wasm, 'bench.round', String(round));
  const beginMs = performance.now();
  const artifact = await sandbox.admit(unseen);
  const admittedMs = performance.now();
  const { kind } = await sandbox.execute(artifact, { input });
  const endMs = performance.now();
  if (kind !== 'completed') throw new Error(`expected completed, got ${kind}`);
  admitMs.push(admittedMs - beginMs);
  executeMs.push(endMs - admittedMs);
  firstMs.push(endMs - beginMs);
}

const endless = await sandbox.admit(ENDLESS);
const replacedMs: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  const from = events.length;
  await sandbox.execute(endless, { input });
  while (events.slice(from).filter(({ what }) => what === 'ready').length === 0) await sleep(1);
  const [lost, ready] = events.slice(from);
  // A job that ends resets the backoff, which is for modules that kill one lane after another.
  await sandbox.execute(echo, { input });
  replacedMs.push((ready?.atMs ?? 0) - (lost?.atMs ?? 0));
}
await sandbox.close();

const readyMs: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  const beginMs = performance.now();
  await new Promise<void>((resolve) => {
    const other = createSandbox({
      onLaneReady: () => {
        readyMs.push(performance.now() - beginMs);
        void other.close().then(resolve);
      },
    });
  });
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
console.log(
  `module of ${wasm.byteLength} bytes; first lane ${((events[0]?.atMs ?? 0) - startedMs).toFixed(0)} ms`,
);
report(
  'cold',
  {
    first_result_ms: median(firstMs),
    admit_ms: median(admitMs),
    execute_ms: median(executeMs),
    lane_ready_ms: median(readyMs),
    lane_replaced_ms: median(replacedMs),
    module_bytes: wasm.byteLength,
  },
  { first_result_ms: ['<=', 10], lane_ready_ms: ['<=', 60], lane_replaced_ms: ['<=', 80] },
);
