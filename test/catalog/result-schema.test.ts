import { describe, expect, it } from 'vitest';
import { describeFaults } from '../../src/catalog/json-schema.ts';
import { createResultSchemas } from '../../src/catalog/result-schema.ts';
import type { JsonValue } from '../../src/model/json.ts';

const nested = (depth: number): JsonValue =>
  depth === 0 ? { type: 'string' } : { properties: { a: nested(depth - 1) } };
/** Each level refers twice to the next: without a bound 2^30 subschemas. */
const doubling = {
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: 30 }, (_, level) => [
      `d${level}`,
      level === 29 ? {} : { allOf: [{ $ref: `#/$defs/d${level + 1}` }, { $ref: `#/$defs/d${level + 1}` }] },
    ]),
  ),
};

describe('the result_schema of a template step', () => {
  const compile = createResultSchemas();
  const violations = async (schema: JsonValue, value: JsonValue) => {
    const compiled = compile(schema);
    if (!compiled.allowed) throw new Error(compiled.message);
    return (await compiled.check(value)).map((fault) => describeFaults([fault]));
  };

  it('tells which keys violate it, and no value', async () => {
    const schema = {
      type: 'object',
      properties: { user: { type: 'object', properties: { age: { type: 'integer' } } } },
    };
    expect(await violations(schema, { user: { age: 7 } })).toEqual([]);
    expect(await violations(schema, { user: { age: 'a secret' } })).toEqual(['/user/age: must be integer']);
    expect(await violations(false, 1)).toEqual(['(top level): boolean schema is false']);
  });

  it('refuses what nests too deep to be compared, and does not throw', async () => {
    const deep = (): JsonValue => JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    expect(await violations({ type: 'array', uniqueItems: true, maxItems: 2 }, [deep(), deep()])).toEqual([
      '(top level): is nested too deep to be checked',
    ]);
  });

  it('may refer to its own parts', async () => {
    const schema = {
      properties: { from: { $ref: '#/$defs/a~1b' }, to: { $ref: '#/$defs/a~1b' } },
      $defs: { 'a/b': { type: 'string', maxLength: 3 } },
    };
    expect(await violations(schema, { from: 'AMS', to: 'JFKK' })).toEqual([
      '/to: must NOT have more than 3 characters',
    ]);
  });

  it('is compiled once, and again after many others', () => {
    const first = compile({ title: 'first' });
    expect(compile({ title: 'first' })).toBe(first);
    for (let at = 0; at < 256; at++) compile({ title: `other ${at}` });
    expect(compile({ title: 'first' })).not.toBe(first);
  });

  it.each<[string, JsonValue, string]>([
    ['is no schema', 'string', 'expected a JSON Schema: an object or a boolean'],
    ['is too long', { title: 'x'.repeat(70_000) }, 'expected at most 65536 characters, got 70012'],
    [
      'has too many subschemas',
      { allOf: Array.from({ length: 1000 }, () => ({})) },
      'expected at most 1000 subschemas',
    ],
    ['grows without bound through references', doubling, 'expected at most 1000 subschemas'],
    [
      'refers to itself',
      { $ref: '#/$defs/a', $defs: { a: { items: { $ref: '#/$defs/a' } } } },
      '#/$defs/a refers to itself',
    ],
    ['refers to nothing', { $ref: '#/$defs/a' }, 'nothing is at #/$defs/a'],
    ['refers to the outside', { $ref: 'https://example.com/schema' }, 'expected $ref to begin with "#/"'],
    ['has a regular expression', { properties: { a: { pattern: '(a+)+$' } } }, 'expected no "pattern"'],
    [
      'has regular expressions for keys',
      { patternProperties: { a: true } },
      'expected no "patternProperties"',
    ],
    [
      'compares all pairs of many elements',
      { uniqueItems: true },
      'expected "uniqueItems" only with a "maxItems"',
    ],
    ['has a keyword that does not exist', { requierd: ['a'] }, 'strict mode: unknown keyword: "requierd"'],
    ['has a keyword with a wrong value', { type: 'strin' }, 'schema is invalid'],
  ])('is refused when it %s', (_what, schema, message) => {
    expect(compile(schema)).toMatchObject({
      allowed: false,
      code: 'ERR_TEMPLATE_INVALID',
      message: expect.stringContaining(`result_schema: ${message}`),
    });
  });

  it('is refused or compiled, however deep it is', () => {
    expect(compile(nested(50)).allowed).toBe(true);
    expect(compile(nested(900)).allowed).toBe(false);
    expect(compile(nested(1001)).allowed).toBe(false);
  });
});
