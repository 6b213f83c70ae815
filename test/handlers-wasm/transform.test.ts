import { beforeAll, describe, expect, it } from 'vitest';
import { document, loadHandler, outputOf } from './catalog-handler.ts';

let run: Awaited<ReturnType<typeof loadHandler>>;
beforeAll(async () => {
  run = await loadHandler('transform');
});

const map = (input: unknown, expression: unknown, more: object = {}): unknown =>
  (outputOf(run(input, { mapping: { to: expression }, ...more })) as { to?: unknown }).to;

describe('transform', () => {
  it.each([
    ['string', 1.5, '1.5'],
    ['string', true, 'true'],
    ['string', 'x', 'x'],
    ['number', '1.50', 1.5],
    ['number', 3, 3],
    ['integer', '7', 7],
    ['integer', 7.0, 7],
    ['boolean', 'true', true],
    ['boolean', false, false],
    ['integer', null, null],
  ])('converts to %s: %j becomes %j', (to, value, expected) => {
    expect(map({ value }, { path: '$.value', to })).toEqual(expected);
  });

  it.each([
    ['string', [1], 'array'],
    ['number', 'abc', 'string'],
    ['number', ' 1', 'string'],
    ['number', '', 'string'],
    ['number', '0x10', 'string'],
    ['number', true, 'boolean'],
    ['integer', 1.5, 'number'],
    ['integer', '1.5', 'string'],
    ['boolean', 1, 'number'],
    ['boolean', 'yes', 'string'],
  ])('fails where nothing converts to %s: %j', (to, value, got) => {
    expect(run({ value }, { mapping: { x: { path: '$.value', to } } }).failure).toEqual({
      code: 'conversion_failed',
      message: `config.mapping.x: expected a value that converts to ${to}, got ${got}`,
    });
  });

  it('keeps the digits of a number, also as text', () => {
    const result = run(document('{"n":9007199254740993.10}'), {
      mapping: { n: '$.n', text: { path: '$.n', to: 'string' } },
    });
    expect(result.output).toBe('{"n":9007199254740993.10,"text":"9007199254740993.10"}');
  });

  it('puts the default in for null and for nothing, but not for false or an empty text', () => {
    const expression = { path: '$.v', default: 'd' };
    expect([{}, { v: null }, { v: false }, { v: '' }].map((input) => map(input, expression))).toEqual([
      'd',
      'd',
      false,
      '',
    ]);
  });

  it('treats a path that finds nothing as on_missing says', () => {
    const config = { mapping: { a: '$.a', b: { object: { c: '$.c' } } } };
    expect(outputOf(run({}, config))).toEqual({ a: null, b: { c: null } });
    expect(outputOf(run({}, { ...config, on_missing: 'omit' }))).toEqual({ b: {} });
    expect(run({}, { ...config, on_missing: 'fail' }).failure).toEqual({
      code: 'value_missing',
      message: 'config.mapping.a: expected a value at $.a, got nothing',
    });
    expect(outputOf(run({ a: null, c: null }, { ...config, on_missing: 'omit' }))).toEqual({
      a: null,
      b: { c: null },
    });
  });

  it('joins texts, numbers and constants; null and nothing are empty', () => {
    const parts = [
      '$.s',
      { value: '/' },
      '$.n',
      { value: 2 },
      '$.null',
      '$.none',
      { path: '$.none', default: '!' },
    ];
    expect(map({ s: 'é"', n: 1.0, null: null }, { concat: parts })).toBe('é"/12!');
  });

  it('maps lists inside a record, nested as deep as needed', () => {
    const input = { rows: [{ cells: [{ v: 1 }, { v: 2 }] }, { cells: null }] };
    const expression = { each: '$.rows', mapping: { cells: { each: '$.cells', mapping: { value: '$.v' } } } };
    expect(map(input, expression)).toEqual([{ cells: [{ value: 1 }, { value: 2 }] }, { cells: [] }]);
    expect(run({ rows: 1 }, { mapping: { x: expression } }).failure?.code).toBe('input_mismatch');
  });

  it.each([
    [{ path: '$.n', op: 'gt', value: 1 }, [2, 3]],
    [{ path: '$.n', op: 'gte', value: 2 }, [2, 3]],
    [{ path: '$.n', op: 'lt', value: 2 }, [1]],
    [{ path: '$.n', op: 'lte', value: 1.0 }, [1]],
    [{ path: '$.n', op: 'eq', value: 2.0 }, [2]],
    [{ path: '$.n', op: 'ne', value: 2 }, [1, 3, null, 'b']],
    [{ path: '$.n', op: 'in', value: [3, 'b', null] }, [3, null, 'b']],
    [{ path: '$.n', op: 'eq', value: null }, [null]],
    [{ path: '$.n', op: 'gt', value: 'a' }, ['b']],
    [{ path: '$.o', op: 'exists' }, [1]],
    [{ path: '$.o', op: 'exists', value: false }, [2, 3, null, 'b']],
    [{ path: '$.o', op: 'eq', value: { y: [1, 2], x: 1.0 } }, [1]],
    [
      {
        all: [
          { path: '$.n', op: 'gt', value: 1 },
          { path: '$.n', op: 'lt', value: 3 },
        ],
      },
      [2],
    ],
    [
      {
        any: [
          { path: '$.n', op: 'eq', value: 1 },
          { path: '$.n', op: 'eq', value: 3 },
        ],
      },
      [1, 3],
    ],
    [{ not: { path: '$.n', op: 'gt', value: 1 } }, [1, null, 'b']],
    [{ all: [] }, [1, 2, 3, null, 'b']],
    [{ any: [] }, []],
    [{ path: '$.none', op: 'ne', value: 1 }, [1, 2, 3, null, 'b']],
    [{ path: '$.none', op: 'lte', value: 1 }, []],
  ])('keeps the records for which %j holds', (where, expected) => {
    const input = [{ n: 1, o: { x: 1, y: [1, 2] } }, { n: 2 }, { n: 3 }, { n: null }, { n: 'b' }];
    expect(outputOf(run(input, { each: true, where, mapping: { n: '$.n' } }))).toEqual(
      expected.map((n) => ({ n })),
    );
  });

  it('orders texts by code point, where UTF-16 would not', () => {
    const where = { path: '$.s', op: 'gt', value: '\uffee' };
    const output = outputOf(run([{ s: '😀' }, { s: 'z' }], { each: true, where, mapping: { s: '$.s' } }));
    expect(output).toEqual([{ s: '😀' }]);
  });

  it.each([
    [{ x: 'title' }, 'path_invalid', 'path title'],
    [{ x: 5 }, 'mapping_unsupported', 'config.mapping.x: expected path or object, got number'],
    [
      { x: {} },
      'mapping_unsupported',
      'config.mapping.x: expected path, value, object, each or concat, got nothing',
    ],
    [{ x: { script: '1' } }, 'mapping_unsupported', 'got script'],
    [
      { x: { path: '$.a', else: 1 } },
      'mapping_unsupported',
      'config.mapping.x.else: expected only path, default, to',
    ],
    [{ x: { value: 1, to: 'string' } }, 'mapping_unsupported', 'config.mapping.x.to: expected only value'],
    [
      { x: { path: '$.a', to: 'date' } },
      'mapping_unsupported',
      'config.mapping.x.to: expected string, number',
    ],
    [{ x: { each: '$.a' } }, 'mapping_unsupported', 'config.mapping.x.mapping: expected object, got nothing'],
    [{ x: { object: { y: { z: 1 } } } }, 'mapping_unsupported', 'config.mapping.x.object.y: expected'],
    [{ x: { concat: 'a' } }, 'mapping_unsupported', 'config.mapping.x.concat: expected array'],
  ])('refuses the mapping %j', (mapping, code, message) => {
    expect(run({}, { mapping }).failure).toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    [{ path: '$.a', op: '=', value: 1 }, 'config.where.op: expected eq'],
    [{ path: '$.a', op: 'eq' }, 'config.where.value: expected a value'],
    [{ path: '$.a', op: 'in', value: 1 }, 'config.where.value: expected array'],
    [{ path: '$.a', op: 'exists', value: 1 }, 'config.where.value: expected boolean'],
    [{ all: [{ any: 1 }] }, 'config.where.all[0].any: expected array'],
    [{ not: { path: '$.a', op: 'eq', value: 1 }, all: [] }, 'config.where.not: expected only all'],
    ['$.a > 1', 'config.where: expected object'],
  ])('refuses the condition %j', (where, message) => {
    expect(run([], { each: true, where, mapping: {} }).failure).toMatchObject({
      code: 'condition_unsupported',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    [{ mapping: {}, where: { all: [] } }, 'config_invalid', 'config.each: expected true'],
    [{ mapping: {}, on_missing: 'skip' }, 'config_invalid', 'config.on_missing'],
    [{ mapping: {}, each: true }, 'input_mismatch', '$: expected array'],
    [{ mapping: {}, filter: 1 }, 'config_invalid', 'config.filter: expected only'],
    [{}, 'config_invalid', 'config.mapping: expected object'],
  ])('refuses the configuration %j', (config, code, message) => {
    expect(run({}, config).failure).toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });
});
