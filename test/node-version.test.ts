import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');

/** What an old Node would do: the version is replaced before the command line is loaded. */
const asNode20 = (code: string) =>
  execute(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } }); ${code}`,
    ],
    { cwd: ROOT },
  );

describe('an older Node', () => {
  it.each([
    ['the command line', "await import('./bin/wasm-broker.js')"],
    ['npm scripts', "await import('./scripts/require-node.mjs')"],
  ])('ends %s with one clear line', async (_what, code) => {
    const error = await asNode20(code).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^ERR_NODE_VERSION: Node 26 or newer is needed/),
    });
    expect((error as { stderr: string }).stderr.trim().split('\n')).toHaveLength(1);
  });

  it('every npm script checks before it does anything else', async () => {
    const { default: manifest } = (await import('../package.json', { with: { type: 'json' } })) as {
      default: { scripts: Record<string, string> };
    };
    for (const [name, script] of Object.entries(manifest.scripts)) {
      const first = script.split(' && ')[0] ?? '';
      const checks = /^(node scripts\/require-node\.mjs|node bin\/wasm-broker\.js .*|npm run build)$/.test(
        first,
      );
      // `test` follows `pretest`, which npm runs before it.
      expect(checks || name === 'test', `${name}: ${first}`).toBe(true);
    }
  });
});
