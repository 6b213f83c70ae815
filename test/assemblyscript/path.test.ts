import { beforeAll, describe, expect, it } from 'vitest';
import { instantiateBare } from '../support/bare-guest.ts';
import { guestModule } from './compile-source.ts';

const FIND = `
import { Json, Path } from "tasker-wasm-broker/assemblyscript";
@handler("find")
function handle(input: Json, config: Json): Json {
  return Path.parse(config.get("path").asString()).find(input);
}`;

const DATA = {
  a: { b: [10, { c: 'deep' }], 'US Gross': 5 },
  "it's": 1,
  'say "hi"': 2,
  'back\\slash': 3,
  naïve: 4,
  '': 6,
  a1_b: 7,
  'tab\t': 8,
};

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await guestModule(FIND);
}, 60_000);

const find = (path: string) =>
  instantiateBare(module, { input: JSON.stringify(DATA), config: JSON.stringify({ path }) });

describe('Path', () => {
  it.each([
    ['$', DATA],
    ['$.a.b', [10, { c: 'deep' }]],
    ['$.a.b[0]', 10],
    ['$.a.b[1].c', 'deep'],
    ['$["a"]["US Gross"]', 5],
    ["$['a']['US Gross']", 5],
    ['$["it\'s"]', 1],
    ["$['it\\'s']", 1],
    ['$["say \\"hi\\""]', 2],
    ['$[\'say "hi"\']', 2],
    ['$["back\\\\slash"]', 3],
    ['$["tab\\t"]', 8],
    ['$["na\\u00efve"]', 4],
    ['$.naïve', 4],
    ['$[""]', 6],
    ['$.a1_b', 7],
  ])('%s finds the value', (path, expected) => {
    expect(JSON.parse(find(path).output ?? '')).toEqual(expected);
  });

  it.each(['$.none', '$.a.b[2]', '$.a.b.c', '$.a[0]', '$.a.b[0].x', '$["it"]'])(
    '%s finds nothing',
    (path) => {
      expect(find(path).output).toBe('null');
    },
  );

  it.each([
    '',
    'a',
    '$a',
    '$.',
    '$..a',
    '$.*',
    '$[*]',
    '$[-1]',
    '$[01]',
    '$[1',
    '$["a]',
    '$["a"',
    '$[\'a"]',
    '$[0:1]',
    '$.a-b',
    '$.1a',
    '$ .a',
    '$.a ',
    '$[?(@.a)]',
    '$[9999999999]',
    '$["\\x"]',
  ])('%j is refused', (path) => {
    expect(find(path).failure).toMatchObject({ code: 'path_invalid' });
  });

  it('says where a path is wrong', () => {
    expect(find('$.a-b').failure?.message).toBe("path $.a-b: expected '.' or '[' at character 3");
  });
});
