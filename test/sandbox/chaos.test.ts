import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { chaos } from '../../scripts/soak/chaos.ts';

describe('workers and processes that are killed at random under load', () => {
  it.each([1, 2])(
    'every invocation ends once and as it should, seed %d',
    { timeout: 180_000 },
    async (seed) => {
      const { wrong, kills, requests, calls } = await chaos({ count: 300, kills: 4, seed });
      expect(wrong).toEqual([]);
      expect(kills).toBe(4);
      expect(requests).toBe(calls);
    },
  );
});

describe('a soak', () => {
  it('ends with every outcome right, nothing left, and by itself', { timeout: 180_000 }, async () => {
    const script = fileURLToPath(new URL('../../scripts/soak.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, '--count', '400']);
    expect(JSON.parse(stdout)).toMatchObject({ met: true, wrong: [], left: [], processes: 0 });
  });
});
