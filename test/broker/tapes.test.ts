import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBroker } from '../../src/broker/broker.ts';
import { createTapes } from '../../src/broker/tapes.ts';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { BUILTIN_FOLDER, loadHandler } from '../../src/catalog/load.ts';
import { createEvents } from '../../src/events.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { createMemoryQueue } from '../../src/queue/memory.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { readTape } from '../../src/sandbox/tape/file.ts';
import { replay } from '../../src/sandbox/tape/replay.ts';
import { stepInvocation } from '../support/invocations.ts';

let sandbox: Sandbox;
let folder: string;
beforeAll(async () => {
  sandbox = createSandbox();
  folder = await mkdtemp(join(tmpdir(), 'broker-tapes-'));
});
afterAll(() => Promise.all([sandbox.close(), rm(folder, { recursive: true })]));

/** Runs `count` steps of a broker that records the invocations for which `random` is below the rate. */
async function run(
  count: number,
  options: { to: string; rate: number; maxFiles?: number; random?: () => number },
) {
  const entry = await loadHandler(join(BUILTIN_FOLDER, 'decide'), sandbox.admit);
  const errors: unknown[] = [];
  const { to, rate, maxFiles = 100, random = () => 0 } = options;
  const tapes = createTapes({ folder: to, rate, maxFiles, random, onError: (error) => errors.push(error) });
  const queue = createMemoryQueue();
  const policy = { grants: {}, limits: DEFAULT_LIMITS };
  const catalog = createCatalog([entry]);
  const events = createEvents();
  let settled = 0;
  const allSettled = new Promise<void>((resolve) => {
    events.on('step:settled', () => {
      settled += 1;
      if (settled === count) resolve();
    });
  });
  const broker = createBroker({ queue, sandbox, catalog, policy, slots: 4, events, tapes });
  broker.start();
  const initialization = { rules: [], otherwise: { steps: ['next'] } };
  const steps = Array.from({ length: count }, () => stepInvocation({ callable: 'decide', initialization }));
  for (const step of steps) queue.enqueue(step);
  await allSettled;
  const results = steps.map(({ stepUuid }) => queue.resultOf(stepUuid));
  await broker.drain();
  await queue.close();
  return { results, errors, entry };
}

describe('a broker that records', () => {
  it('writes tapes that replay, before it has drained', async () => {
    const to = join(folder, 'all');
    const { entry, errors } = await run(3, { to, rate: 1 });
    expect(errors).toEqual([]);
    const files = await readdir(to);
    expect(files).toHaveLength(3);
    for (const file of files) {
      const tape = await readTape(join(to, file));
      expect(tape.handler).toBe('decide@0.1.0');
      expect(await replay(sandbox, entry.artifact, tape)).toEqual({ verdict: 'equal' });
    }
  });

  it('records the share it is told to', async () => {
    const to = join(folder, 'some');
    let turn = 0;
    await run(8, { to, rate: 0.25, random: () => (turn++ % 4) / 4 });
    expect(await readdir(to)).toHaveLength(2);
  });

  it('keeps the newest only', async () => {
    const to = join(folder, 'few');
    await run(5, { to, rate: 1, maxFiles: 2 });
    expect(await readdir(to)).toHaveLength(2);
  });

  it('settles steps where tapes cannot be written, and says so', async () => {
    const to = join(folder, 'taken');
    await writeFile(to, 'a file');
    const { results, errors } = await run(2, { to, rate: 1 });
    expect(results.map((result) => result?.success)).toEqual([true, true]);
    expect(errors).toHaveLength(2);
  });
});
