import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COST_TABLE } from '../../src/metering/index.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { guest } from '../guests/wat.ts';

const PAGE = COST_TABLE.lengths['memory.grow'].multiplier;
const { call, simple } = COST_TABLE.instructions;
/** Constant, constant, call, constant; the host's share of the call comes on top. */
const BODY = call + 3 * simple;

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = createSandbox({ lanes: 1 });
});
afterAll(() => sandbox.close());

async function run(module: Uint8Array, fuel = 10_000_000) {
  return sandbox.execute(await sandbox.admit(module), { input: '{}', limits: { fuel } });
}

/** Restored to its image, and, where code writes tables, a fresh instance every time. */
const VARIANTS = {
  'an instance that is used again': '',
  'a fresh instance': '(func (table.set $t (i32.const 0) (ref.null func)))',
};

describe.each(Object.entries(VARIANTS))(
  'what a module starts with is a part of its fuel: %s',
  (_, fields) => {
    const module = (pages: number, elements: number, bytes: number): Uint8Array =>
      guest({
        pages: `${pages}`,
        fields: `(table $t ${elements} funcref) (data (i32.const 8) "${'x'.repeat(bytes)}") ${fields}`,
      });

    it('pages, elements and bytes of data, by their published cost, the first time and every time', async () => {
      const { usage } = await run(module(1, 1, 1));
      const host = usage.fuel - BODY - PAGE - 32 - 1;
      expect(host).toBeGreaterThan(0);
      expect(host).toBeLessThan(200);
      for (const [pages, elements, bytes] of [
        [1, 1, 1],
        [3, 1, 1],
        [1, 11, 1],
        [2, 5, 1001],
      ] as const) {
        // One byte of data is the helper's.
        const initial = PAGE * pages + 32 * elements + Math.floor((bytes + 1) / 2);
        const outcome = await run(module(pages, elements, bytes));
        expect(outcome).toMatchObject({ kind: 'completed', receipt: { fuel: initial + BODY + host } });
        const again = await run(module(pages, elements, bytes), initial + BODY + host);
        expect(again).toMatchObject({ kind: 'completed', receipt: { fuel: initial + BODY + host } });
        const short = await run(module(pages, elements, bytes), initial + BODY + host - 1);
        expect(short).toMatchObject({ kind: 'exhausted', limit: 'fuel' });
      }
    });

    it('ends a step that is not given so much before it runs', async () => {
      const initial = 5 * PAGE + 32 + 1;
      const outcome = await run(module(5, 1, 1), initial - 1);
      expect(outcome).toMatchObject({
        kind: 'exhausted',
        code: 'ERR_LIMIT_FUEL',
        limit: 'fuel',
        allowed: initial - 1,
        used: initial,
        receipt: { fuel: initial, fuel_exact: true, peak_memory_bytes: 0 },
      });
    });
  },
);

it('a module whose uncounted functions alone take more than the depth does not run', async () => {
  const module = guest({});
  const artifact = await sandbox.admit(module);
  const outcome = await sandbox.execute(artifact, { input: '{}', limits: { depth: 1 } });
  expect(outcome).toMatchObject({ kind: 'exhausted', code: 'ERR_LIMIT_DEPTH' });
  expect(artifact.uncountedBytes).toBe(0);
  const leaf = '(func $leaf (local i64 i64 i64 i64)) (func $g (call $leaf))';
  const small = await sandbox.admit(guest({ fields: leaf }));
  expect(small.uncountedBytes).toBe(2 * 96 + 4 * 8);
  const refused = await sandbox.execute(small, { input: '{}', limits: { depth: small.uncountedBytes - 1 } });
  expect(refused).toMatchObject({ kind: 'exhausted', limit: 'depth', used: small.uncountedBytes });
});
