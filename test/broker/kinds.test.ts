import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createBroker } from '../../src/broker/broker.ts';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { buildHandler } from '../../src/catalog/compile.ts';
import { loadHandler } from '../../src/catalog/load.ts';
import { createEvents } from '../../src/events.ts';
import type { JsonValue } from '../../src/model/json.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { createMemoryQueue, type MemoryQueue } from '../../src/queue/memory.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { stepInvocation } from '../support/invocations.ts';

/** One handler, as all three kinds of guest: what it does is said by its input. */
const COUNT = `
function count(input: string): string {
  if (input.includes("spin")) while (true) {}
  if (input.includes("large")) return '"' + "x".repeat(20000) + '"';
  if (input.includes("nothing")) return "no json";
  let letters = 0;
  for (let i = 0; i < input.length; i++) {
    const unit = input.charCodeAt(i);
    if (unit >= 0x61 && unit <= 0x7a) letters++;
  }
  return '{"letters":' + letters.toString() + ',"length":' + input.length.toString() + ',"text":"grüße 😀"}';
}`;
const JAVASCRIPT = COUNT.replace('(input: string): string', '(input)');

const KINDS = {
  core: {
    abi: 'tasker-core/1',
    file: 'handler.ts',
    source: `import { fail } from "tasker-wasm-broker/assemblyscript";
      ${COUNT}
      @handler("core")
      function core(input: string): string {
        if (input.includes("refuse")) fail("refused", "as the input says");
        return count(input);
      }`,
  },
  plain: {
    abi: 'assemblyscript/1',
    file: 'handler.ts',
    source: `${COUNT} export function handle(input: string): string { return count(input); }`,
  },
  component: {
    abi: 'tasker:catalog/handler@0.1.0',
    file: 'handler.js',
    source: `${JAVASCRIPT}
      export function handle(input) {
        if (input.includes('refuse')) throw { code: 'refused', message: 'as the input says', retryable: false };
        return count(input);
      }`,
  },
} as const;
type Kind = keyof typeof KINDS;

/** Three compilers run here, on a busy machine too. */
const PATIENCE_MS = 180_000;

let folder: string;
let sandbox: Sandbox;
let queue: MemoryQueue;
let broker: Broker;
const events = createEvents();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kinds-'));
  sandbox = createSandbox({ lanes: 1 });
  const entries = [];
  for (const [name, { abi, file, source }] of Object.entries(KINDS)) {
    const home = join(folder, name);
    await mkdir(home);
    await writeFile(join(home, file), source);
    await writeFile(join(home, 'manifest.json'), JSON.stringify({ name, version: '1.0.0', abi }));
    await buildHandler(home);
    entries.push(await loadHandler(home, sandbox.admit));
  }
  queue = createMemoryQueue();
  broker = createBroker({
    queue,
    sandbox,
    catalog: createCatalog(entries),
    policy: { grants: {}, limits: { ...DEFAULT_LIMITS, fuel: 5_000_000, output_bytes: 10_000 } },
    slots: 4,
    events,
  });
  broker.start();
}, PATIENCE_MS);
afterAll(async () => {
  await broker.drain();
  await queue.close();
  await sandbox.close();
  await rm(folder, { recursive: true });
});

/** What is settled for a step, but for what has to differ: receipt, version, times. */
async function settled(kind: Kind, input: JsonValue) {
  const invocation = stepInvocation({ callable: kind, initialization: { input }, maxAttempts: 1 });
  const done = new Promise<void>((resolve) => {
    const stop = events.on('step:settled', (event) => {
      if (event.stepUuid !== invocation.stepUuid) return;
      stop();
      resolve();
    });
  });
  queue.enqueue(invocation);
  await done;
  const result = queue.resultOf(invocation.stepUuid);
  return { success: result?.success, output: result?.output, error: result?.error };
}

describe('one handler as core module, plain AssemblyScript and JavaScript component', () => {
  it.each([
    ['completes', { text: 'to be or not to be' }, { success: true, error: null }],
    ['completes with what is not ASCII', { text: 'Übergröße, 世界 😀' }, { success: true, error: null }],
    ['runs out of fuel', { text: 'spin' }, { success: false, error: { code: 'ERR_LIMIT_FUEL' } }],
    ['returns too much', { text: 'large' }, { success: false, error: { code: 'ERR_LIMIT_OUTPUT' } }],
    ['returns no JSON', { text: 'nothing' }, { success: false, error: { code: 'ERR_OUTPUT_INVALID' } }],
  ])('%s, and the step is settled in the same way', async (_, input, expected) => {
    const core = await settled('core', input);
    expect(core).toMatchObject(expected);
    expect(await settled('plain', input)).toEqual(core);
    expect(await settled('component', input)).toEqual(core);
  });

  it('fails with a code of its own where it can say so', async () => {
    const core = await settled('core', { text: 'refuse' });
    expect(core).toMatchObject({ success: false, error: { code: 'refused', retryable: false } });
    expect(await settled('component', { text: 'refuse' })).toEqual(core);
  });
});
