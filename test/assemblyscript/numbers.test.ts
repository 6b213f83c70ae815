import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { instantiateBare } from '../support/bare-guest.ts';
import { guestModule } from './compile-source.ts';

/** Writes the bits of each number read, and the number as it is printed. */
const NUMBERS = `
import { Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";
@handler("numbers")
function handle(input: Json): JsonWriter {
  const output = new JsonWriter();
  output.beginArray();
  for (let item = input.firstChild; item != input.afterLast; item = item.next) {
    const value = item.asNumber();
    output.beginArray().string(reinterpret<u64>(value).toString(16)).bool(item.isInteger);
    if (isFinite(value)) output.number(value);
    output.endArray();
  }
  return output.endArray();
}`;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await guestModule(NUMBERS);
}, 60_000);

function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16);
}

/** Compares what the guest read and printed with what JavaScript reads. */
function expectSameNumbers(texts: readonly string[]): void {
  const output = instantiateBare(module, { input: `[${texts.join(',')}]` }).output ?? '';
  const results = JSON.parse(output) as [string, boolean, number?][];
  expect(results).toHaveLength(texts.length);
  for (const [index, [bits, integer, printed]] of results.entries()) {
    const text = texts[index] ?? '';
    const expected = Number(text);
    expect(bits, text).toBe(bitsOf(expected));
    expect(integer, text).toBe(Number.isInteger(expected));
    // JSON.stringify writes -0 as 0, and so does the guest.
    if (Number.isFinite(expected)) expect(printed, text).toBe(expected === 0 ? 0 : expected);
  }
}

const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });

describe('numbers', () => {
  it('are read as the nearest double and printed so that they read back', () => {
    fc.assert(
      fc.property(fc.array(anyDouble, { minLength: 50, maxLength: 200 }), (values) => {
        expectSameNumbers(values.map(String));
      }),
      { numRuns: 100 },
    );
  });

  it('are read exactly with more digits than a double holds', () => {
    const long = fc
      .tuple(anyDouble, fc.integer({ min: 16, max: 100 }))
      .map(([value, digits]) => value.toPrecision(digits));
    fc.assert(fc.property(fc.array(long, { minLength: 20, maxLength: 100 }), expectSameNumbers), {
      numRuns: 100,
    });
  });

  it('are read exactly half way between two doubles', () => {
    // (2m + 1) × 2^e lies exactly between two neighbours; one digit more or less decides.
    const half = fc
      .tuple(fc.bigInt({ min: 2n ** 53n, max: 2n ** 54n - 1n }), fc.integer({ min: 0, max: 300 }))
      .map(([odd, shift]) => ((odd | 1n) << BigInt(shift)).toString());
    fc.assert(
      fc.property(fc.array(half, { minLength: 10, maxLength: 40 }), (texts) => {
        expectSameNumbers(texts.flatMap((text) => [text, `${text}.0000001`, (BigInt(text) - 1n).toString()]));
      }),
      { numRuns: 50 },
    );
  });

  it('are read exactly for random digits, points and exponents', () => {
    const digits = fc.stringMatching(/^[0-9]{1,40}$/);
    const text = fc
      .tuple(fc.boolean(), digits, fc.option(digits), fc.option(fc.integer({ min: -400, max: 400 })))
      .map(([negative, whole, fraction, exponent]) => {
        const sign = negative ? '-' : '';
        const tail = (fraction === null ? '' : `.${fraction}`) + (exponent === null ? '' : `e${exponent}`);
        return `${sign}${whole.replace(/^0+(?=.)/, '')}${tail}`;
      });
    fc.assert(fc.property(fc.array(text, { minLength: 20, maxLength: 100 }), expectSameNumbers), {
      numRuns: 100,
    });
  });

  it('are read exactly at the edges of the range', () => {
    expectSameNumbers([
      '0',
      '-0',
      '0.0',
      '-0e5',
      '1e22',
      '1e23',
      '9007199254740992',
      '9007199254740993',
      '9007199254740995',
      '2.2250738585072011e-308',
      '2.2250738585072014e-308',
      '4.9e-324',
      '2.4703282292062327e-324',
      '2.4703282292062328e-324',
      '2e-324',
      '1e-400',
      '1.7976931348623157e308',
      '1.7976931348623158e308',
      '1.7976931348623159e308',
      '1e309',
      '-1e400',
      '1e99999999999',
      '1e-99999999999',
      '0e99999999999',
      `0.${'0'.repeat(400)}1e400`,
      `1${'0'.repeat(400)}e-400`,
      `9007199254740993.${'0'.repeat(900)}1`,
      `9007199254740993.${'0'.repeat(900)}`,
      '123456789012345678901234567890',
      '1e-7',
      '0.1',
      '0.3',
      '1e21',
      '1e15',
    ]);
  });
});
