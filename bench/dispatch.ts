// What the way to a lane and back costs: a sandboxed echo of 1 KB through the public execute(), receipts on, against a
// bare piscina task. One lane, 64 in flight; the main thread is one of the two threads at work.
import { FixedQueue, Piscina } from 'piscina';
import { admitArtifact } from '../src/catalog/admit.ts';
import { DEFAULT_LIMITS } from '../src/model/limits.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { ECHO } from '../test/guests/wat.ts';
import { sameByPiscina } from './dispatch/same-by-piscina.ts';
import { COUNTING, ECHO_FRESH } from './guests.ts';
import { report } from './measure.ts';
import { interleaved, type Rates } from './throughput.ts';

const short = process.argv.includes('--short');
const IN_FLIGHT = 64;
const input = JSON.stringify({ payload: 'x'.repeat(1010) });

const emptyPools = [1, 8, 64].flatMap((concurrentTasksPerWorker) =>
  (['sync', 'disabled'] as const).map(
    (atomics) =>
      new Piscina({
        filename: new URL('./dispatch/empty-task.ts', import.meta.url).href,
        minThreads: 1,
        maxThreads: 1,
        concurrentTasksPerWorker,
        atomics,
        taskQueue: new FixedQueue(),
      }),
  ),
);
const emptyPool = await fastest(emptyPools);
const same = sameByPiscina(ECHO, input);
const sandbox = createSandbox({ lanes: 1, inFlightPerLane: IN_FLIGHT });
const twoLanes = createSandbox({ lanes: 2, inFlightPerLane: IN_FLIGHT });
const restored = await sandbox.admit(ECHO);
const fresh = admitArtifact(ECHO_FRESH, null, DEFAULT_LIMITS);
const counting = await sandbox.admit(COUNTING);

/** Of settings that are as good as equal, no single sample finds the best. */
async function fastest(pools: readonly Piscina[]): Promise<Piscina> {
  const nameOf = ({ options }: Piscina) => `${options.concurrentTasksPerWorker} ${options.atomics}`;
  const rates = await interleaved(
    Object.fromEntries(pools.map((pool) => [nameOf(pool), () => pool.run(undefined)])),
    { rounds: short ? 3 : 9, sliceMs: short ? 50 : 200, inFlight: IN_FLIGHT },
  );
  const [best] = pools.toSorted((a, b) => medianOf(rates, nameOf(b)) - medianOf(rates, nameOf(a)));
  if (best === undefined) throw new TypeError('expected pools');
  await Promise.all(pools.filter((pool) => pool !== best).map((pool) => pool.destroy()));
  console.log(`piscina at its best: ${nameOf(best)} (tasks per worker, atomics)`);
  return best;
}

function medianOf(rates: Readonly<Record<string, Rates>>, name: string): number {
  return rates[name]?.median ?? 0;
}

const latenciesUs: number[] = [];
async function completed(run: Promise<{ readonly kind: string }>): Promise<void> {
  const { kind } = await run;
  if (kind !== 'completed') throw new Error(`expected completed, got ${kind}`);
}

const rates = await interleaved(
  {
    fresh: () => completed(sandbox.execute(fresh, { input })),
    restored: () => completed(sandbox.execute(restored, { input })),
    timed: async () => {
      const startedMs = performance.now();
      await completed(sandbox.execute(restored, { input }));
      latenciesUs.push((performance.now() - startedMs) * 1000);
    },
    restored_again: () => completed(sandbox.execute(restored, { input })),
    piscina: () => emptyPool.run(undefined),
    same: same.send,
  },
  { rounds: short ? 3 : 15, sliceMs: short ? 100 : 400, inFlight: IN_FLIGHT },
);
const lanes = await interleaved(
  {
    one: () => completed(sandbox.execute(counting, { input })),
    two: () => completed(twoLanes.execute(counting, { input })),
  },
  { rounds: short ? 3 : 9, sliceMs: short ? 100 : 400, inFlight: IN_FLIGHT },
);
for (const [name, { median, low, high }] of Object.entries({ ...rates, ...lanes })) {
  console.log(
    `${name.padEnd(16)} ${Math.round(median)}/s   middle half ${Math.round(low)}–${Math.round(high)}`,
  );
}
await Promise.all([sandbox.close(), twoLanes.close(), emptyPool.destroy(), same.close()]);

latenciesUs.sort((a, b) => a - b);
report(
  'dispatch',
  {
    vs_piscina: rates.fresh.median / rates.piscina.median,
    vs_piscina_reset: rates.restored.median / rates.piscina.median,
    vs_same_by_piscina: rates.restored.median / rates.same.median,
    two_lanes: lanes.two.median / lanes.one.median,
    p99_us: latenciesUs[Math.floor(latenciesUs.length * 0.99)] ?? Number.NaN,
    fresh_per_s: rates.fresh.median,
    restored_per_s: rates.restored.median,
    piscina_per_s: rates.piscina.median,
    null_run: rates.restored_again.median / rates.restored.median,
  },
  {
    vs_piscina: ['>=', 0.6],
    vs_piscina_reset: ['>=', 1.2],
    vs_same_by_piscina: ['>=', 3],
    two_lanes: ['>=', 1.7],
  },
);
