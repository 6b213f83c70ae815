import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.ts';

const ROOT = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'broker-readme-'));
afterAll(() => rmSync(folder, { recursive: true }));

const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1] ?? '',
  );
const commands = blocks('sh').flatMap((block) => block.trim().split('\n'));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

describe('the README', () => {
  it('starts with the two commands of a newcomer, and CI runs the same', () => {
    expect(commands.slice(0, 2)).toEqual(['npm ci && npm start', 'npm ci && npm test']);
    const ci = readFileSync(join(ROOT, '.ci/run'), 'utf8').split('\n');
    expect(ci.slice(-5, -1)).toEqual(['npm ci', 'npm test', 'npm run check', 'npm start -- --json']);
  });

  it('names only scripts that exist', () => {
    const named = [...readme.matchAll(/npm (?:run )?([a-z]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => !['ci', 'start', 'test'].includes(name));
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
  });

  it.each(
    commands.filter((command) => command.startsWith('npx wasm-broker') && !command.includes(' serve ')),
  )(
    'command works: %s',
    async (command) => {
      const [, , ...args] = command.split(' ');
      const { stdout } = await execute(process.execPath, ['bin/wasm-broker.js', ...args], { cwd: ROOT });
      expect(stdout.length).toBeGreaterThan(20);
    },
    60_000,
  );

  it.each(blocks('toml').map((block, index) => [index, block] as const))(
    'broker.toml no. %d is valid',
    (_index, block) => {
      const file = join(folder, 'broker.toml');
      writeFileSync(file, block);
      const config = loadConfig({ file, env: { DATABASE_URL: 'postgres://user@host/db' } });
      expect(config.worker.namespace).toBe('wasm');
    },
  );

  it.each(blocks('js').map((block, index) => [index, block] as const))(
    'snippet no. %d runs and prints what it should',
    async (index, block) => {
      const file = join(ROOT, `.readme-snippet-${process.pid}-${index}.mjs`);
      writeFileSync(file, block);
      try {
        const { stdout } = await execute(process.execPath, [file], { cwd: ROOT });
        expect(stdout).toContain('completed');
        expect(stdout).toContain('celebrate');
      } finally {
        rmSync(file);
      }
    },
  );
});
