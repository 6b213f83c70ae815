import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { admitArtifact } from '../../src/catalog/admit.ts';
import { type Admit, BUILTIN_FOLDER, handlerFolders, loadHandler } from '../../src/catalog/load.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { ECHO } from '../guests/wat.ts';

const root = mkdtempSync(join(tmpdir(), 'broker-catalog-'));
afterAll(() => rmSync(root, { recursive: true }));

const admit: Admit = async (bytes, manifest) => admitArtifact(bytes, manifest, DEFAULT_LIMITS);
const MANIFEST = { name: 'echo', version: '1.0.0', abi: 'tasker-core/1' };

function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = mkdtempSync(join(root, 'handler-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

describe('a handler in a folder', () => {
  it('is loaded with its manifest and the check of its configuration', async () => {
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false };
    const path = folder({
      'manifest.json': JSON.stringify({ ...MANIFEST, config: 'config.schema.json' }),
      'config.schema.json': JSON.stringify(schema),
      'handler.wasm': ECHO,
    });
    const entry = await loadHandler(path, admit);
    expect(entry).toMatchObject({ name: 'echo', version: '1.0.0' });
    expect(await entry.checkConfig({ n: 1 })).toEqual({ allowed: true });
    expect(await entry.checkConfig({ n: 'x' })).toMatchObject({
      code: 'ERR_CONFIG_SCHEMA',
      message: 'configuration of echo: /n: must be integer',
    });
    expect(await entry.checkConfig({ m: 1 })).toMatchObject({
      message: 'configuration of echo: (top level): must NOT have additional properties (m)',
    });
  });

  it('is loaded with the check of its output where the manifest names a schema of it', async () => {
    const path = folder({
      'manifest.json': JSON.stringify({ ...MANIFEST, output: 'output.schema.json' }),
      'output.schema.json': '{"type":"object","required":["total"]}',
      'handler.wasm': ECHO,
    });
    const { checkOutput } = await loadHandler(path, admit);
    expect(await checkOutput?.({ total: 1 })).toEqual([]);
    expect(await checkOutput?.({})).toEqual([{ path: [], message: "must have required property 'total'" }]);
    const without = folder({ 'manifest.json': JSON.stringify(MANIFEST), 'handler.wasm': ECHO });
    expect((await loadHandler(without, admit)).checkOutput).toBeNull();
  });

  it.each([
    ['is not JSON', '{', /manifest\.json: /],
    ['lacks a version', '{"name":"echo","abi":"tasker-core/1"}', /version: /],
    ['names another ABI', JSON.stringify({ ...MANIFEST, abi: 'wasi' }), /abi: /],
    [
      'asks for an unknown capability',
      JSON.stringify({ ...MANIFEST, capabilities: [{ capability: 'sql' }] }),
      /capabilities\[0\]/,
    ],
    [
      'reaches out of its folder',
      JSON.stringify({ ...MANIFEST, config: '../../etc/passwd' }),
      /config: expected a file name/,
    ],
  ])('whose manifest %s is refused', async (_what, manifest, message) => {
    const path = folder({ 'manifest.json': manifest, 'handler.wasm': ECHO });
    await expect(loadHandler(path, admit)).rejects.toMatchObject({
      code: 'ERR_MANIFEST_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('whose schema uses a keyword that does not exist is refused', async () => {
    const path = folder({
      'manifest.json': JSON.stringify({ ...MANIFEST, config: 'c.json' }),
      'c.json': '{"typo":"object"}',
      'handler.wasm': ECHO,
    });
    await expect(loadHandler(path, admit)).rejects.toMatchObject({
      code: 'ERR_MANIFEST_INVALID',
      message: expect.stringContaining('typo'),
    });
  });

  it('that was not built says how to build it', async () => {
    const path = folder({ 'manifest.json': JSON.stringify(MANIFEST) });
    await expect(loadHandler(path, admit)).rejects.toMatchObject({
      code: 'ERR_CATALOG_INVALID',
      message: `${path}: handler.wasm is missing; build it with: wasm-broker build ${path}`,
    });
  });

  it('is found below a catalog folder, and a folder that does not exist is named', async () => {
    expect((await handlerFolders(BUILTIN_FOLDER)).length).toBeGreaterThanOrEqual(6);
    await expect(handlerFolders(join(root, 'none'))).rejects.toMatchObject({ code: 'ERR_CATALOG_INVALID' });
  });

  it('added by a copied folder is served without a change elsewhere', async () => {
    const copy = join(root, 'copied');
    cpSync(join(BUILTIN_FOLDER, 'decide'), copy, { recursive: true });
    expect(await loadHandler(copy, admit)).toMatchObject({ name: 'decide' });
  });
});
