// What the process tier costs: the same sandboxed echo through the public execute() in a thread and in a process of its
// own, one lane each, 64 in flight, receipts on. The cold start of a process is apart.
import { createSandbox, type Sandbox } from '../src/sandbox/sandbox.ts';
import { ECHO, guest } from '../test/guests/wat.ts';
import { report } from './measure.ts';
import { interleaved, type Send } from './throughput.ts';

const short = process.argv.includes('--short');
const IN_FLIGHT = 64;
const COLD_STARTS = short ? 3 : 11;
const input1k = JSON.stringify({ payload: 'x'.repeat(1010) });
const input64k = JSON.stringify({ payload: 'x'.repeat(65_522) });

const threads = createSandbox({ lanes: 1, inFlightPerLane: IN_FLIGHT });
const isolated = createSandbox({
  tier: 'process',
  lanes: 1,
  inFlightPerLane: IN_FLIGHT,
  processes: COLD_STARTS + 1,
  recycleAfter: Number.MAX_SAFE_INTEGER,
  onLaneLost: (_, reason) => {
    throw new Error(`what ran twice is no measure: ${reason}`);
  },
});

async function sender(sandbox: Sandbox, input: string): Promise<Send> {
  const artifact = await sandbox.admit(ECHO);
  return async () => {
    const { kind } = await sandbox.execute(artifact, { input });
    if (kind !== 'completed') throw new Error(`expected completed, got ${kind}`);
  };
}

const rates = await interleaved(
  {
    thread_1k: await sender(threads, input1k),
    process_1k: await sender(isolated, input1k),
    process_1k_again: await sender(isolated, input1k),
    thread_64k: await sender(threads, input64k),
    process_64k: await sender(isolated, input64k),
  },
  { rounds: short ? 3 : 15, sliceMs: short ? 100 : 400, inFlight: IN_FLIGHT },
);
for (const [name, { median, low, high }] of Object.entries(rates)) {
  console.log(
    `${name.padEnd(18)} ${Math.round(median)}/s   middle half ${Math.round(low)}–${Math.round(high)}`,
  );
}

const coldMs: number[] = [];
for (let n = 0; n < COLD_STARTS; n += 1) {
  const artifact = await isolated.admit(guest({ fields: `(global i32 (i32.const ${n}))` }));
  const startedMs = performance.now();
  await isolated.execute(artifact, { input: '{}' });
  coldMs.push(performance.now() - startedMs);
}
coldMs.sort((a, b) => a - b);
await Promise.all([threads.close(), isolated.close()]);

report(
  'isolation',
  {
    process_vs_thread_1k: rates.thread_1k.median / rates.process_1k.median,
    process_vs_thread_64k: rates.thread_64k.median / rates.process_64k.median,
    process_cold_ms: coldMs[Math.floor(coldMs.length / 2)] ?? Number.NaN,
    process_1k_per_s: rates.process_1k.median,
    process_64k_per_s: rates.process_64k.median,
    null_run: rates.process_1k_again.median / rates.process_1k.median,
  },
  { process_vs_thread_1k: ['<=', 2], process_vs_thread_64k: ['<=', 3] },
);
