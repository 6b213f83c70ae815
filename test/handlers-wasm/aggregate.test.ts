import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { document, loadHandler, outputOf } from './catalog-handler.ts';

let run: Awaited<ReturnType<typeof loadHandler>>;
beforeAll(async () => {
  run = await loadHandler('aggregate');
});

const ALL_OPERATIONS = {
  records: { op: 'count' },
  values: { op: 'count', path: '$.v' },
  sum: { op: 'sum', path: '$.v' },
  min: { op: 'min', path: '$.v' },
  max: { op: 'max', path: '$.v' },
  mean: { op: 'mean', path: '$.v' },
};

interface Output {
  readonly groups: readonly { readonly key: unknown; readonly [metric: string]: unknown }[];
  readonly totals: Record<string, number | null>;
  readonly count: number;
  readonly skipped: Record<string, number>;
}
const aggregate = (input: unknown, config: object): Output => outputOf(run(input, config)) as Output;

describe('aggregate', () => {
  it('gives the doubles of a plain loop in the same order', () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(values, (numbers) => {
        const { totals } = aggregate(
          numbers.map((v) => ({ v })),
          { metrics: ALL_OPERATIONS },
        );
        const sum = numbers.map((number) => number + 0).reduce((total, number) => total + number, 0);
        expect(totals).toEqual({
          records: numbers.length,
          values: numbers.length,
          sum: sum + 0,
          min: Math.min(...numbers) + 0,
          max: Math.max(...numbers) + 0,
          mean: sum / numbers.length + 0,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('skips and counts what is not a number', () => {
    const input = [{ v: 1 }, { v: null }, {}, { v: '2' }, { v: [3] }, { v: 4 }];
    const output = aggregate(input, { metrics: ALL_OPERATIONS });
    expect(output.totals).toEqual({ records: 6, values: 4, sum: 5, min: 1, max: 4, mean: 2.5 });
    expect(output.skipped).toEqual({ sum: 4, min: 4, max: 4, mean: 4 });
    expect(output.count).toBe(6);
  });

  it('has no extremes and no mean of nothing', () => {
    expect(aggregate([], { metrics: ALL_OPERATIONS })).toEqual({
      groups: [],
      totals: { records: 0, values: 0, sum: 0, min: null, max: null, mean: null },
      count: 0,
      skipped: { sum: 0, min: 0, max: 0, mean: 0 },
    });
  });

  it('groups by value: 1 and 1.0 together, 1 and "1" apart, null and nothing under one label', () => {
    const input =
      '[{"k":1},{"k":"1"},{"k":1.0},{"k":true},{"k":"true"},{"k":null},{},{"k":"none"},{"k":"\\u0031"}]';
    const output = aggregate(document(input), {
      group_by: '$.k',
      missing_key: 'none',
      metrics: { n: { op: 'count' } },
    });
    expect(output.groups).toEqual([
      { key: 1, n: 2 },
      { key: '1', n: 2 },
      { key: true, n: 1 },
      { key: 'true', n: 1 },
      { key: 'none', n: 3 },
    ]);
  });

  it('sorts by key or by a metric, stable, with groups without a value last', () => {
    const input = [
      ['b', 2],
      ['a', 2],
      ['é', null],
      ['c', 9],
      ['😀', 1],
      ['\uffee', null],
    ].map(([k, v]) => ({ k, v }));
    const keys = (sort: object, limit = 100) =>
      aggregate(input, {
        group_by: '$.k',
        metrics: { m: { op: 'max', path: '$.v' } },
        sort,
        limit,
      }).groups.map((group) => group.key);
    expect(keys({ by: 'key' })).toEqual(['a', 'b', 'c', 'é', '\uffee', '😀']);
    expect(keys({ by: 'key', order: 'desc' })).toEqual(['😀', '\uffee', 'é', 'c', 'b', 'a']);
    expect(keys({ by: 'm' })).toEqual(['😀', 'b', 'a', 'c', 'é', '\uffee']);
    expect(keys({ by: 'm', order: 'desc' }, 3)).toEqual(['c', 'b', 'a']);
    expect(keys({ by: 'key' }, 0)).toEqual([]);
  });

  it.each([
    [{}, 'config.metrics: expected object'],
    [{ metrics: { m: { op: 'median', path: '$' } } }, 'config.metrics.m.op: expected count, sum'],
    [{ metrics: { m: { op: 'sum' } } }, 'config.metrics.m.path: expected a path'],
    [{ metrics: { key: { op: 'count' } } }, 'config.metrics.key: expected another name'],
    [{ metrics: { m: { op: 'count', where: 1 } } }, 'config.metrics.m.where: expected only'],
    [{ metrics: {}, sort: { by: 'x' } }, 'config.sort.by: expected key or the name of a metric'],
    [{ metrics: {}, sort: { by: 'key', order: 'up' } }, 'config.sort.order: expected asc or desc'],
    [{ metrics: {}, limit: -1 }, 'config.limit: expected whole number'],
    [{ metrics: {}, group: '$.a' }, 'config.group: expected only'],
  ])('refuses the configuration %j', (config, message) => {
    expect(run([], config).failure).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(message) as string,
    });
  });

  it('refuses an input that is no array, a key that is none, and a sum beyond the range of a double', () => {
    expect(run({}, { metrics: {} }).failure?.code).toBe('input_mismatch');
    expect(run([{}, { k: [] }], { group_by: '$.k', metrics: {} }).failure).toEqual({
      code: 'group_key_invalid',
      message: '$[1]: expected a string, number or boolean at $.k, got array',
    });
    expect(run([1e308, 1e308], { metrics: { s: { op: 'sum', path: '$' } } }).failure?.code).toBe(
      'number_not_finite',
    );
  });
});
