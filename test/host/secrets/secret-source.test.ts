import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSecretSource } from '../../../src/host/secrets/secret-source.ts';

describe('the secret source', () => {
  it('reads variables and files that the operator named, and nothing else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secret-source-'));
    try {
      await writeFile(join(folder, 'token'), 'from file\n');
      const source = createSecretSource(
        {
          A: { env: 'VAR_A' },
          F: { file: join(folder, 'token') },
          GONE: { file: join(folder, 'gone') },
          E: { env: 'EMPTY' },
        },
        { VAR_A: 'from variable', VAR_B: 'not named', EMPTY: '' },
      );
      expect(await source.get('A')).toBe('from variable');
      expect(await source.get('F')).toBe('from file');
      for (const name of ['GONE', 'E', 'VAR_A', 'VAR_B', 'toString', '__proto__', join(folder, 'token')]) {
        expect(await source.get(name)).toBe(null);
      }
      await expect(createSecretSource({ D: { file: folder } }, {}).get('D')).rejects.toThrow('EISDIR');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
