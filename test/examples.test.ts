import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wasmBroker } from './support/wasm-broker.ts';

const EXAMPLES = fileURLToPath(new URL('../examples', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'));
  await cp(EXAMPLES, folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

describe('examples/plain-assemblyscript', () => {
  it('is built, inspected and run by the commands in docs/authoring.md', async () => {
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
  });
});

describe('examples/javascript-component', () => {
  it('is built, inspected and run by the commands in docs/authoring.md', async () => {
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
  });

  it('is built from no more of the world than it names', async () => {
    const text = await wasmBroker(['inspect', join(folder, 'javascript-component', 'handler.wasm')]);
    expect(text.stdout).toMatch(/^import {3}tasker:catalog\/log$/m);
    expect(text.stdout).not.toContain('tasker:catalog/http');
    expect(text.stdout).toMatch(/^verdict {2}admitted$/m);
  });
});
