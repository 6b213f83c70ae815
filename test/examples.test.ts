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
