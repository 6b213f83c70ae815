import { expect, it } from 'vitest';
import { loadTranspiler } from '../../../src/catalog/admission/component/transpile.ts';

it('a component without jco installed is refused with what to install', async () => {
  await expect(loadTranspiler(null)).rejects.toMatchObject({
    code: 'ERR_MISSING_DEPENDENCY',
    message: expect.stringContaining('npm install --include=optional'),
  });
});
