import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wasmBroker } from './support/wasm-broker.ts';

/** Compilers and engines start here one after another; on a busy machine each of them takes its time. */
const PATIENCE_MS = 180_000;
const EXAMPLES = fileURLToPath(new URL('../examples', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'));
  await cp(EXAMPLES, folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

describe('examples/plain-assemblyscript', () => {
  it(
    'is built, inspected and run by the commands in docs/authoring.md',
    async () => {
      const handler = join(folder, 'plain-assemblyscript');
      expect(await wasmBroker(['build', handler])).toMatchObject({ code: 0 });
      const inspected = await wasmBroker(['inspect', join(handler, 'handler.wasm'), '--json']);
      expect(JSON.parse(inspected.stdout)).toMatchObject({
        abi: 'assemblyscript/1',
        verdict: { allowed: true },
        capabilities: [],
      });
      const ran = await wasmBroker(['run', handler, '--input', join(handler, 'input.json'), '--json']);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        outcome: 'completed',
        output: { words: 6, longest: 3 },
        receipt: { abi: 'assemblyscript/1', handler: 'word_count@0.1.0' },
      });
    },
    PATIENCE_MS,
  );
});

describe('examples/javascript-component', () => {
  it(
    'is built, inspected and run by the commands in docs/authoring.md',
    async () => {
      const handler = join(folder, 'javascript-component');
      expect(await wasmBroker(['build', handler])).toMatchObject({ code: 0 });
      const inspected = await wasmBroker(['inspect', join(handler, 'handler.wasm'), '--json']);
      expect(JSON.parse(inspected.stdout)).toMatchObject({
        abi: 'tasker:catalog/handler@0.1.0',
        verdict: { allowed: true },
        capabilities: ['log'],
        component: { imports: ['documents', 'log', 'types'] },
      });
      const run = ['run', handler, '--input', join(handler, 'input.json'), '--json'];
      const ran = await wasmBroker([...run, '--grant', 'log']);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        outcome: 'completed',
        output: { id: 'o1', total: 3 },
        logs: [{ level: 'info', message: 'totalled order o1' }],
        receipt: { abi: 'tasker:catalog/handler@0.1.0', handler: 'order_total@0.1.0', tier: 'process' },
      });
      expect(await wasmBroker(run)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('needs the capability "log"'),
      });
    },
    PATIENCE_MS,
  );
});
