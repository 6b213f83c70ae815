import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { ENDLESS, guest } from '../guests/wat.ts';

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = createSandbox({ lanes: 1, inFlightPerLane: 1, limits: { fuel: 10_000_000 } });
});
afterAll(() => sandbox.close());

/** Fails unless memory beyond its own data, a global, the table and the memory's size are as a new instance has them. */
const INSPECTOR = guest({
  imports: ['output_write'],
  pages: '1 16',
  fields: `(table $t 2 8 funcref) (global $g (mut i32) (i32.const 5)) (func $f)
    (elem (i32.const 0) $f)`,
  body: `(local $at i32)
    (if (i32.ne (memory.size) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (table.size $t) (i32.const 2)) (then (unreachable)))
    (if (i32.eqz (ref.is_null (table.get $t (i32.const 1)))) (then (unreachable)))
    (if (i32.ne (global.get $g) (i32.const 5)) (then (unreachable)))
    (local.set $at (i32.const 1))
    (loop $next
      (if (i32.load8_u (local.get $at)) (then (unreachable)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 65536))))
    (global.set $g (i32.const 6))
    (table.set $t (i32.const 1) (table.get $t (i32.const 0)))
    (drop (table.grow $t (ref.null func) (i32.const 2)))
    (memory.fill (i32.const 1) (i32.const 255) (i32.const 65535))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});
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
