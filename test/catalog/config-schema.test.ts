import { describe, expect, it } from 'vitest';
import { compileConfigSchema, compileHandlerSchema } from '../../src/catalog/config-schema.ts';
import type { JsonObject } from '../../src/model/json.ts';

const check = async (schema: JsonObject, config: JsonObject) =>
  (await compileConfigSchema('h', schema))(config);

/** Fails for every longer text in twice the time. */
const SLOW_PATTERN = { properties: { text: { pattern: '^(a+)+$' } } };
const SLOW_TEXT = { text: `${'a'.repeat(60)}!` };

describe('the schema of a handler', () => {
  it('may have patterns and refer to itself; then it is checked in another thread', async () => {
    const tree = {
      $ref: '#/$defs/tree',
      $defs: { tree: { properties: { left: { $ref: '#/$defs/tree' }, n: { type: 'integer' } } } },
    };
    expect(await check(tree, { left: { left: { n: 1 } } })).toEqual({ allowed: true });
    expect(await check(tree, { left: { left: { n: 'x' } } })).toMatchObject({
      code: 'ERR_CONFIG_SCHEMA',
      message: 'configuration of h: /left/left/n: must be integer',
    });
    expect(await check(SLOW_PATTERN, { text: 'aaa' })).toEqual({ allowed: true });
  });

  it('cannot hold up the broker with a pattern: the check is ended, and the next one is served', async () => {
    const slow = await compileConfigSchema('slow', SLOW_PATTERN);
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 20);
    const [first, other] = await Promise.all([slow(SLOW_TEXT), check(SLOW_PATTERN, { text: 'aa' })]);
    clearInterval(ticking);
    expect(first).toMatchObject({
      code: 'ERR_CONFIG_SCHEMA',
      message: 'configuration of slow: (top level): cannot be checked within 1000 ms',
    });
    expect(other).toEqual({ allowed: true });
    expect(turns).toBeGreaterThan(5);
  });

  it('cannot do so by branching at every level either', async () => {
    const branches = Array.from({ length: 4 }, () => ({
      properties: { a: { $ref: '#/$defs/x' } },
      required: ['b'],
    }));
    let config: JsonObject = {};
    for (let depth = 0; depth < 40; depth += 1) config = { a: config };
    const verdict = await check({ $ref: '#/$defs/x', $defs: { x: { anyOf: branches } } }, config);
    expect(verdict).toMatchObject({ code: 'ERR_CONFIG_SCHEMA' });
  });

  it('is refused where a value goes too deep for it, not thrown', async () => {
    const schema = { $ref: '#/$defs/x', $defs: { x: { properties: { a: { $ref: '#/$defs/x' } } } } };
    let config: JsonObject = {};
    for (let depth = 0; depth < 200_000; depth += 1) config = { a: config };
    expect(await check(schema, config)).toMatchObject({ code: 'ERR_CONFIG_SCHEMA' });
  });

  it.each<[string, JsonObject, RegExp]>([
    [
      'too long',
      { description: 'x'.repeat(300_000) },
      /output schema of h: expected at most 262144 characters/,
    ],
    ['too deep', nested(70), /expected at most 64 levels/],
    ['no schema', { type: 'strang' }, /output schema of h: schema is invalid/],
    ['of an unknown keyword', { tyqe: 'string' }, /unknown keyword/],
    ['of a pattern that is none', { pattern: '(' }, /output schema of h: /],
  ])('is refused where it is %s', async (_, schema, message) => {
    await expect(compileHandlerSchema('output', 'h', schema)).rejects.toMatchObject({
      code: 'ERR_MANIFEST_INVALID',
      message: expect.stringMatching(message),
    });
  });
});

function nested(levels: number): JsonObject {
  return levels === 0 ? {} : { not: nested(levels - 1) };
}
