// npm run soak -- [--count N] [--kills N] [--seed N]: invocations of every kind, in both tiers, and then: did resident
// memory grow, is a thread, process, port or timer left, does this process end by itself?
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chaos, guestProcesses } from './soak/chaos.ts';
import { randomFrom, startWorkload } from './soak/workload.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
  },
});
const count = Number(values.count);
const kills = Number(values.kills);
const seed = Number(values.seed);

const IN_FLIGHT = 64;
/** What happens before this part of the invocations is warming up. */
const WARM_UP = 0.25;
const GROWTH_MAX = 0.05;
/** With fewer invocations, growth is warming up and nothing else. */
const GROWTH_FROM = 200_000;
/** What a process without work has: its output and its signals. */
const HARMLESS = new Set(['TTYWrap', 'PipeWrap', 'SignalWrap', 'FileHandle', 'FSReqPromise', 'CloseReq']);
/** A process that something holds open is ended, with a fault. */
const EXIT_WITHIN_MS = 10_000;

const outcome = kills > 0 ? { ...(await chaos({ count, kills, seed })), growth: 0, rssMb: 0 } : await soak();
const left = await whatIsLeft();
const processes = guestProcesses().length;
const grew = count >= GROWTH_FROM && outcome.growth > GROWTH_MAX;
const met = outcome.wrong.length === 0 && !grew && left.length === 0 && processes === 0;
console.log(JSON.stringify({ soak: 'sandbox', count, seed, ...outcome, left, processes, met }));
process.exitCode = met ? 0 : 1;
setTimeout(EXIT_WITHIN_MS, null, { ref: false }).then(() => {
  console.error(`something keeps this process open: ${process.getActiveResourcesInfo().join(', ')}`);
  process.exit(1);
});

/** What has been closed takes a moment to be gone. */
async function whatIsLeft(): Promise<readonly string[]> {
  const endMs = performance.now() + EXIT_WITHIN_MS;
  for (;;) {
    const left = process.getActiveResourcesInfo().filter((name) => !HARMLESS.has(name));
    if (left.length === 0 || performance.now() > endMs) return left;
    await setTimeout(20);
  }
}

async function soak() {
  const wrong: string[] = [];
  const workload = await startWorkload({
    lanes: 2,
    inFlightPerLane: 32,
    processes: 10,
    recycleAfter: 20_000,
    // What was lost is run again and ends as it should: nobody but this would notice.
    onLaneLost: (lane, reason) => wrong.push(`lane ${lane} was lost: ${reason}`),
  });
  const random = randomFrom(seed);
  let started = 0;
  let ended = 0;
  let warmBytes = 0;
  let peakBytes = 0;
  const keepRunning = async () => {
    while (started < count) {
      const n = started++;
      const kind = workload.kinds[random(workload.kinds.length)];
      if (kind === undefined) return;
      const fault = kind.fault(n, await kind.run(n));
      if (fault !== null) wrong.push(fault);
      ended += 1;
      if (ended % Math.max(1, Math.floor(count / 200)) !== 0) continue;
      if (ended < count * WARM_UP) warmBytes = Math.max(warmBytes, residentBytes());
      else peakBytes = Math.max(peakBytes, residentBytes());
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, keepRunning));
  await workload.close();
  const growth = Math.round((peakBytes / warmBytes - 1) * 1000) / 1000;
  return { wrong: wrong.slice(0, 10), growth, rssMb: Math.round(peakBytes / 1024 / 1024) };
}

/** Of this process and of those that run guests. */
function residentBytes(): number {
  let bytes = process.memoryUsage.rss();
  for (const pid of guestProcesses()) {
    try {
      bytes += Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
    } catch {
      // It ended meanwhile.
    }
  }
  return bytes;
}
