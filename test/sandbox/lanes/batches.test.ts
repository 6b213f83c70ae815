import { hash } from 'node:crypto';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { ECHO, ENDLESS, guest, ONE } from '../../guests/wat.ts';

/** Counts for some tens of milliseconds. */
const COUNTING = guest({
  imports: ['output_write'],
  body: `(local $n i32)
    (loop $next (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 50000000))))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
  fields: '(data (i32.const 0) "1")',
});
const limits = { fuel: 10 ** 12, wall_ms: 60_000 };

describe('results of a lane that has got many invocations at a time', () => {
  let sandbox: Sandbox | null = null;
  afterEach(() => sandbox?.close());

  it('do not wait for the guests behind them that take long', async () => {
    sandbox = createSandbox({ lanes: 1 });
    const counting = await sandbox.admit(COUNTING);
    const run = async () => {
      const { kind, usage } = (await sandbox?.execute(counting, { input: '{}', limits })) ?? {};
      return { kind, wallMs: usage?.wallMs ?? 0, atMs: performance.now() };
    };
    const ended = await Promise.all([run(), run(), run(), run()]);
    expect(ended.map(({ kind }) => kind)).toEqual(Array(4).fill('completed'));
    const [first, , , last] = ended as [(typeof ended)[0], unknown, unknown, (typeof ended)[0]];
    expect(last.atMs - first.atMs).toBeGreaterThan(last.wallMs);
  });

  it('nor do those of short guests before them, unless these are known to be short too', async () => {
    sandbox = createSandbox({ lanes: 1 });
    const [counting, echo] = [await sandbox.admit(COUNTING), await sandbox.admit(ECHO)];
    const short = sandbox.execute(echo, { input: '{}' }).then(() => performance.now());
    const long = sandbox.execute(counting, { input: '{}', limits });
    const { usage } = await long;
    expect(performance.now() - (await short)).toBeGreaterThan(usage.wallMs / 2);
  });
});

describe('invocations behind a guest that takes long', () => {
  it('are run by a lane that has nothing to do', async () => {
    const sandbox = createSandbox({ lanes: 2, limits: { fuel: Number.MAX_SAFE_INTEGER } });
    onTestFinished(() => sandbox.close());
    const [endless, echo] = [await sandbox.admit(ENDLESS), await sandbox.admit(ECHO)];
    let isOver = false;
    const long = sandbox.execute(endless, { input: '{}', limits: { wall_ms: 3_000 } });
    void long.then(() => (isOver = true));
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, n) => sandbox.execute(echo, { input: `${n}` })),
    );
    expect(isOver).toBe(false);
    expect(outcomes.map((outcome) => 'output' in outcome && outcome.output)).toEqual(
      Array.from({ length: 40 }, (_, n) => `${n}`),
    );
    expect(await long).toMatchObject({ kind: 'exhausted', limit: 'wall_ms' });
  });
});

describe('the digests of a receipt', () => {
  it.each(['thread', 'process'] as const)(
    'are those of the documents, whoever had time to make them (%s)',
    async (tier) => {
      const sandbox = createSandbox({ lanes: 2, tier });
      onTestFinished(() => sandbox.close());
      const one = await sandbox.admit(ONE);
      const runs = Array.from({ length: 300 }, async (_, n) => {
        const input = JSON.stringify({ n, text: 'Zürich' });
        const { receipt } = await sandbox.execute(one, { input });
        expect(receipt).toMatchObject({
          input_sha256: hash('sha256', input),
          output_sha256: hash('sha256', '1'),
        });
      });
      await Promise.all(runs);
    },
  );
});
