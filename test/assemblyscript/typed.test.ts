import { beforeAll, describe, expect, it } from 'vitest';
import { compileHandler } from '../../src/catalog/compile.ts';
import { instantiateBare } from '../support/bare-guest.ts';
import { compileSource, guestModule, withFolder } from './compile-source.ts';

const TYPED = `
import { fail, Json, log, MISSING, now } from "tasker-wasm-broker/assemblyscript";

@json
class Item {
  sku!: string;
  qty: i32;
  price: f64 = 1.5;
}

@json
class Order {
  id!: string;
  items!: Item[];
  tags: string[] = ["new"];
  weights: f64[] = [];
  gift: Item | null;
  note: string | null = null;
  urgent: bool = false;
  serial: i64 = 0;
  small: u8 = 0;
  @key("extra data")
  extra: Json = MISSING;
  static count: i32 = 0;
}

@json
class Settings {
  factor: f64 = 1;
}

@json
class Total {
  order!: Order;
  total: f64;
  at: f64 = now();
}

@handler("order_total")
function orderTotal(order: Order, settings: Settings): Total {
  if (order.items.length == 0) return fail<Total>("empty_order", "order " + order.id + " has no items", true, 1500);
  const total = new Total();
  total.order = order;
  for (let i = 0; i < order.items.length; i++) total.total += <f64>order.items[i].qty * order.items[i].price;
  total.total *= settings.factor;
  log("totalled " + order.id);
  return total;
}`;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await guestModule(TYPED);
}, 60_000);

const run = (input: unknown, config: unknown = {}) =>
  instantiateBare(module, {
    input: typeof input === 'string' ? input : JSON.stringify(input),
    config: JSON.stringify(config),
    time: 1_700_000_000_000,
  });
const MINIMAL = { id: 'o1', items: [{ sku: 'a', qty: 2 }] };

describe('a typed handler', () => {
  it('gets its input and configuration decoded and its result encoded', () => {
    const input = {
      ...MINIMAL,
      tags: [],
      weights: [0.1, 2],
      gift: { sku: 'é😀', qty: 1, price: 2 },
      note: 'n',
      urgent: true,
      small: 255,
      'extra data': { x: [1, null] },
      unknown: 'ignored',
    };
    const result = run(input, { factor: 2 });
    const { unknown: _unknown, ...known } = input;
    expect(JSON.parse(result.output ?? '')).toEqual({
      order: { ...known, items: [{ sku: 'a', qty: 2, price: 1.5 }], serial: 0 },
      total: 6,
      at: 1_700_000_000_000,
    });
    expect(result.logs).toEqual([{ level: 1, message: 'totalled o1' }]);
  });

  it('gets initial values for members that are missing, and null for those that may be', () => {
    const output = JSON.parse(run(MINIMAL).output ?? '') as { order: object };
    expect(output.order).toMatchObject({
      tags: ['new'],
      gift: null,
      note: null,
      urgent: false,
      'extra data': null,
    });
  });

  it('gets 64-bit integers exactly', () => {
    const text = '{"id":"x","items":[{"sku":"a","qty":1}],"serial":-9223372036854775808}';
    expect(run(text).output).toContain('"serial":-9223372036854775808');
  });

  it('takes 2.0 and 2e0 as integers', () => {
    expect(run('{"id":"x","items":[{"sku":"a","qty":2.0},{"sku":"b","qty":2e0}]}').output).toContain(
      '"total":6',
    );
  });

  it.each([
    [{ ...MINIMAL, items: [MINIMAL.items[0], {}, 3] }, '$.items[1].sku: expected string, got nothing'],
    [{ ...MINIMAL, items: [{ sku: 'a', qty: 'x' }] }, '$.items[0].qty: expected integer, got "x"'],
    [{ ...MINIMAL, items: [{ sku: 'a', qty: 1.5 }] }, '$.items[0].qty: expected integer, got 1.5'],
    [
      { ...MINIMAL, items: [{ sku: 'a', qty: 2 ** 31 }] },
      '$.items[0].qty: expected integer of 32 bits, got 2147483648',
    ],
    [{ ...MINIMAL, items: {} }, '$.items: expected array, got {}'],
    [{ ...MINIMAL, small: -1 }, '$.small: expected integer of 8 bits, got -1'],
    [{ ...MINIMAL, tags: ['a', null] }, '$.tags[1]: expected string, got null'],
    [{ ...MINIMAL, id: null }, '$.id: expected string, got null'],
    [{ ...MINIMAL, urgent: 0 }, '$.urgent: expected boolean, got 0'],
    [{ ...MINIMAL, gift: [] }, '$.gift: expected object, got []'],
    [[], '$: expected object, got []'],
    [
      { ...MINIMAL, note: 'x'.repeat(3), weights: ['y'.repeat(60)] },
      `$.weights[0]: expected number, got "${'y'.repeat(39)}…`,
    ],
  ])('refuses what does not fit its declaration: %j', (input, message) => {
    expect(run(input).failure).toEqual({ code: 'input_mismatch', message });
  });

  it('refuses an integer beyond 64 bits', () => {
    expect(run('{"id":"x","items":[],"serial":9223372036854775808}').failure?.message).toBe(
      '$.serial: expected integer of 64 bits, got 9223372036854775808',
    );
  });

  it('tells a wrong configuration from a wrong input', () => {
    expect(run(MINIMAL, { factor: '2' }).failure).toEqual({
      code: 'config_mismatch',
      message: 'config.factor: expected number, got "2"',
    });
  });

  it('hands on its own failure with retryability and delay', () => {
    expect(run({ id: 'o2', items: [] }).failure).toEqual({
      code: 'empty_order',
      message: 'order o2 has no items',
      retryable: true,
      retry_after_ms: 1500,
    });
  });

  it('cannot write NaN', () => {
    expect(
      run({ id: 'x', items: [{ sku: 'a', qty: 2, price: 1e308 }] }, { factor: 1e10 }).failure?.code,
    ).toBe('number_not_finite');
  });
});

describe('other shapes of a handler', () => {
  it('text in, text out', async () => {
    const echo = await guestModule(
      '@handler("echo")\nfunction echo(input: string): string { return "[" + input + "]"; }',
    );
    expect(instantiateBare(echo, { input: '{"é":1}' }).output).toBe('[{"é":1}]');
    expect(
      WebAssembly.Module.imports(echo).every((item) => item.module === 'tasker' || item.name === 'abort'),
    ).toBe(true);
  });

  it('arrays and nullable results', async () => {
    const pick = await guestModule(`
      @json class Row { n: i32; }
      @handler("pick")
      function pick(rows: Row[]): Row | null {
        return rows.length > 0 ? rows[rows.length - 1] : null;
      }`);
    expect(instantiateBare(pick, { input: '[{"n":1},{"n":2}]' }).output).toBe('{"n":2}');
    expect(instantiateBare(pick, { input: '[]' }).output).toBe('null');
  });

  it('classes and types from other files', async () => {
    const files = {
      'row.ts': '@json\nexport class Row { n!: i32[]; }\nexport type Rows = Row[];',
      'handler.ts':
        'import { Row, Rows } from "./row";\n@handler("first")\nfunction first(rows: Rows): Row { return rows[0]; }',
    };
    const { wasm } = await withFolder(files, (folder) => compileHandler(folder));
    const module = new WebAssembly.Module(wasm);
    expect(instantiateBare(module, { input: '[{"n":[1,2]}]' }).output).toBe('{"n":[1,2]}');
    expect(() => instantiateBare(module, { input: '[]' })).toThrow('Index out of range');
  });

  it.each([
    [
      'function f(input: string): string { return input; }',
      'expected one function with @handler("name"), got none',
    ],
    [
      '@handler("a") function a(i: string): string { return i; }\n@handler("b") function b(i: string): string { return i; }',
      'handler.ts:2:24: expected one function with @handler, got a second one',
    ],
    ['@handler("Bad Name") function a(i: string): string { return i; }', 'lower case letters'],
    ['@handler() function a(i: string): string { return i; }', 'expected @handler("name")'],
    ['@handler("a") function a(): string { return ""; }', 'with the parameters (input) or (input, config)'],
    ['@handler("a") function a(i: string): void {}', 'that returns its output'],
    [
      '@json class A<T> { x: i32; }\n@handler("a") function a(i: string): string { return i; }',
      'generic class',
    ],
    [
      'class B {}\n@json class A extends B { x: i32; }\n@handler("a") function a(i: A): A { return i; }',
      'a class that extends another',
    ],
    [
      'class A { x: i32; }\n@handler("a") function a(i: A): string { return ""; }',
      'a type that JSON can hold',
    ],
    [
      'class A { x: i32; }\n@handler("a") function a(i: string): A { return new A(); }',
      'a type that JSON can hold',
    ],
  ])('a mistake is a compile error: %s', async (source, message) => {
    await expect(compileSource(source)).rejects.toMatchObject({
      code: 'ERR_HANDLER_BUILD',
      message: expect.stringContaining(message) as string,
    });
  });
});
