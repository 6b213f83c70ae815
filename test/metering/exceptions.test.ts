import { describe, expect, it } from 'vitest';
import { COST_TABLE, DEFAULT_DEPTH, meter } from '../../src/metering/index.ts';
import { binary, leb, longSection, section } from './support/binary.ts';
import { metered } from './support/run.ts';

const PLENTY = 1n << 40n;
const { simple, call, throw: thrown } = COST_TABLE.instructions;

/**
 * thrower: throws tag 0, with a frame that counts. new, old: call it 300 times with `try_table` or legacy `try`, catch,
 * and return how often. Assembled by hand: wabt's JavaScript build has no `try_table`.
 */
function module(kind: 'new' | 'old'): Uint8Array<ArrayBuffer> {
  const caught =
    kind === 'new'
      ? // block  try_table (catch_all 0)  call 0  end  end
        [0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x10, 0, 0x0b, 0x0b]
      : // try  call 0  catch_all  end
        [0x06, 0x40, 0x10, 0, 0x19, 0x0b];
  const loop = [
    ...[0x03, 0x40, ...caught],
    // n = n + 1; continue while n < 300
    ...[0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0xac, 2, 0x48, 0x0d, 0, 0x0b],
    ...[0x20, 0],
  ];
  // 200 locals: a frame above what goes uncounted.
  const thrower = [1, 0xc8, 1, 0x7e, 0x08, 0, 0x0b];
  const counting = [1, 1, 0x7f, ...loop, 0x0b];
  return binary(
    section(1, 2, 0x60, 0, 0, 0x60, 0, 1, 0x7f),
    section(3, 2, 0, 1),
    section(13, 1, 0, 0),
    section(7, 1, 3, 0x72, 0x75, 0x6e, 0, 1),
    longSection(10, [2, ...leb(thrower.length), ...thrower, ...leb(counting.length), ...counting]),
  );
}

describe('exceptions', () => {
  for (const kind of ['new', 'old'] as const) {
    it(`cost exactly what was executed before and after they are caught (${kind})`, () => {
      const done = metered(module(kind))('run', PLENTY);
      expect(done.results).toEqual([300]);
      const round = call + Math.floor(200 / COST_TABLE.localsPerUnit) + thrown + 7 * simple;
      expect(done.used).toBe(BigInt(300 * round + simple));
    });

    it(`give back the depth of the frames that they leave (${kind})`, () => {
      expect(metered(module(kind))('run', PLENTY)).toMatchObject({
        error: undefined,
        depthLeft: DEFAULT_DEPTH,
      });
    });

    it(`do not catch the end of the fuel (${kind})`, () => {
      const run = metered(module(kind));
      const total = run('run', PLENTY).used;
      for (const fuel of [0n, 1n, 5n, BigInt(thrown), total / 2n, total - 1n]) {
        const stopped = run('run', fuel);
        expect(stopped).toMatchObject({ error: 'unreachable' });
        expect(stopped.left).toBeLessThan(0n);
      }
      expect(run('run', total)).toMatchObject({ error: undefined, left: 0n });
    });
  }

  it('are named among the features', () => {
    expect(meter(module('new')).summary.features).toContain('exceptions');
    expect(meter(module('old')).summary.features).toContain('legacy-exceptions');
  });
});
