import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INSPECTOR as INSPECTOR_TEXT } from '../../src/attack/guests/inspector.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { ENDLESS, guest, wat } from '../guests/wat.ts';

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = createSandbox({ lanes: 1, inFlightPerLane: 1, limits: { fuel: 10_000_000 } });
});
afterAll(() => sandbox.close());

const INSPECTOR = wat(INSPECTOR_TEXT);
const GROWER = guest({
  pages: '1 16',
  body: '(drop (memory.grow (i32.const 3))) (memory.fill (i32.const 0) (i32.const 7) (i32.const 200000)) (unreachable)',
});
const DIRTY_TRAP = guest({
  pages: '1 16',
  body: '(memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (unreachable)',
});

describe('one step after another on one lane', () => {
  it.each([
    ['itself', INSPECTOR],
    ['a guest that grew its memory and trapped', GROWER],
    ['a guest that filled its memory and trapped', DIRTY_TRAP],
    ['a guest that ran out of fuel', ENDLESS],
  ])('sees nothing of %s', async (_name, before) => {
    const inspector = await sandbox.admit(INSPECTOR);
    const other = await sandbox.admit(before);
    for (let round = 0; round < 3; round += 1) {
      await sandbox.execute(other, { input: '{}' });
      expect(await sandbox.execute(inspector, { input: '{}' })).toMatchObject({
        kind: 'completed',
        output: '1',
      });
    }
  });
});
