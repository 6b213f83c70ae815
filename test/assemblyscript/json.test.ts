import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { instantiateBare } from '../support/bare-guest.ts';
import { guestModule } from './compile-source.ts';

/** Takes every value apart with the cursor and writes it again, so that nothing is copied verbatim. */
const COPY = `
import { Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";

function copy(value: Json, output: JsonWriter): void {
  if (value.isObject) {
    output.beginObject();
    for (let key = value.firstChild; key != value.afterLast; key = key.next.next) {
      output.key(key.asString());
      copy(key.next, output);
    }
    output.endObject();
  } else if (value.isArray) {
    output.beginArray();
    for (let i = 0; i < value.length; i++) copy(value.at(i), output);
    output.endArray();
  } else if (value.isString) output.string(value.asString());
  else if (value.isNumber) output.number(value.asNumber());
  else if (value.isBool) output.bool(value.asBool());
  else output.null();
}

@handler("copy")
function handle(input: Json, config: Json): JsonWriter {
  const output = new JsonWriter();
  if (config.get("verbatim").asBool()) return output.json(input);
  copy(input, output);
  return output;
}`;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await guestModule(COPY);
}, 60_000);

const run = (input: string | Uint8Array, verbatim = false) =>
  instantiateBare(module, { input, config: JSON.stringify({ verbatim }) });

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('JSON parser and writer', () => {
  it('read and write what JSON.parse and JSON.stringify do, for any JSON value', () => {
    const json = fc.oneof(
      fc.jsonValue(),
      fc.jsonValue({ stringUnit: 'binary' }),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(JSON.parse(run(text).output ?? '')).toEqual(JSON.parse(text));
      }),
      { numRuns: 400 },
    );
  });

  it('write exactly the text of JSON.stringify for strings, lone surrogates included', () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 });
    fc.assert(
      fc.property(units, (codes) => {
        const text = JSON.stringify(String.fromCharCode(...codes));
        expect(run(text).output).toBe(text);
      }),
      { numRuns: 400 },
    );
  });

  it('resolve escapes however they are written', () => {
    const escaped = '"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\/\\b\\f\\n\\r\\t\\"\\\\\\ud800x"';
    expect(JSON.parse(run(escaped).output ?? '')).toBe(JSON.parse(escaped));
    expect(JSON.parse(run(`{${escaped}:[${escaped}]}`).output ?? '')).toEqual(
      JSON.parse(`{${escaped}:[${escaped}]}`),
    );
  });

  it('keep the text of a value that is handed on, digits and all', () => {
    const text = '{"a":[9007199254740993,1.0,1e400,"\\u0041"]}';
    expect(run(text, true).output).toBe(text);
  });

  it('accept and refuse the same documents as JSON.parse, after any small change', () => {
    const base = '{"a":[1,-2.5e+3,true,false,null,"x\\n\\u00e9é"],"b":{}}';
    const change = fc.tuple(
      fc.nat(base.length),
      fc.nat(3),
      fc.oneof(
        fc.string({ maxLength: 2 }),
        fc.constantFrom(',', '"', '\\', '0', '-', '.', 'e', ']', '}', '[', '{', ':', '\u0000', '\t'),
      ),
    );
    fc.assert(
      fc.property(change, ([at, removed, added]) => {
        const text = base.slice(0, at) + added + base.slice(at + removed);
        expect(run(text).output !== null, text).toBe(isJson(text));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    '',
    ' ',
    '01',
    '-',
    '+1',
    '1.',
    '.5',
    '1e',
    '0x1',
    'nul',
    'nulll',
    'truE',
    "'a'",
    '"a',
    '"\\x"',
    '"\\u12g4"',
    '"\t"',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{"a"}',
    '{"a":1,}',
    '{a:1}',
    '{"a":1 "b":2}',
    '[',
    '{',
    ']',
    '[}',
    '{]',
    '1 2',
    '[]]',
    'NaN',
    'Infinity',
    '\ufeff1',
    '/**/1',
    '\u00a01',
  ])('refuse %j like JSON.parse', (text) => {
    expect(isJson(text)).toBe(false);
    expect(run(text).failure?.code).toBe('input_invalid');
  });

  it('refuse bytes that are not UTF-8', () => {
    for (const bytes of [
      [0xff],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
      [0x80],
    ]) {
      expect(run(Uint8Array.of(0x22, ...bytes, 0x22)).failure?.code, String(bytes)).toBe('input_invalid');
    }
  });

  it('accept 256 levels of nesting and refuse 257', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(run(nested(256)).output).toBe(nested(256));
    expect(run(nested(257)).failure?.message).toBe(
      'input is not JSON: expected at most 256 levels of nesting at byte 256',
    );
  });

  it('say where a document is broken', () => {
    expect(run('{"a":1,}').failure?.message).toBe(
      'input is not JSON: expected a member name in double quotes at byte 7',
    );
  });

  it('take the last of repeated keys, like JSON.parse', async () => {
    const get = await guestModule(`
      import { Json, JsonKey, JsonWriter } from "tasker-wasm-broker/assemblyscript";
      @handler("get")
      function handle(input: Json): JsonWriter {
        const output = new JsonWriter();
        output.beginArray().json(input.get("é")).json(new JsonKey("é").of(input)).json(input.get("none")).endArray();
        return output;
      }`);
    const text = '{"é":1,"e":2,"\\u00e9":3}';
    expect(instantiateBare(get, { input: text }).output).toBe('[3,3,null]');
    expect(JSON.parse(text)).toEqual({ é: 3, e: 2 });
  });
});
