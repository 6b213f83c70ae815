import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { HANDLER_NAMES } from '../handlers-wasm/catalog-handler.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/replay-check.ts', import.meta.url));
const COUNT = 15;

it('recorded invocations of every catalog handler replay in another process with equal output and fuel', async () => {
  const child = spawn(process.execPath, [SCRIPT, '--count', String(COUNT)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(JSON.parse(printed.trim().split('\n').at(-1) ?? '')).toEqual({
    check: 'replay',
    handlers: Object.fromEntries(HANDLER_NAMES.map((name) => [name, COUNT])),
    equal: HANDLER_NAMES.length * COUNT,
    diverged: 0,
    not_comparable: 0,
    met: true,
  });
  expect(code).toBe(0);
}, 120_000);
