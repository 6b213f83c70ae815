import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUILTIN_FOLDER } from '../../src/catalog/load.ts';
import { checkPartialConfig } from '../../src/catalog/partial-config.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/model/json.ts';

const REFERENCE = '${task.context.anything}';
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8')) as JsonObject;

/** Every copy of `value` in which one part is a reference. */
function* withOneReference(value: JsonValue): Iterable<JsonValue> {
  yield REFERENCE;
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries())
      for (const part of withOneReference(item)) yield value.with(at, part);
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      for (const part of withOneReference(item)) yield { ...value, [key]: part };
    }
  }
}

describe('a configuration with references', () => {
  it.each(readdirSync(BUILTIN_FOLDER))('of %s is right wherever a right one has a reference', (handler) => {
    const schema = readJson(BUILTIN_FOLDER, handler, 'config.schema.json');
    let checked = 0;
    for (const example of readdirSync(join(BUILTIN_FOLDER, handler, 'examples'))) {
      const { config } = readJson(BUILTIN_FOLDER, handler, 'examples', example);
      for (const partial of withOneReference(config ?? {})) {
        expect(checkPartialConfig(schema, partial), JSON.stringify(partial)).toEqual([]);
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(5);
  });

  it('is wrong where no value could make it right', () => {
    const schema = {
      type: 'object',
      required: ['kind'],
      additionalProperties: false,
      properties: {
        kind: { enum: ['a', 'b'] },
        size: { type: 'integer' },
        list: { type: 'array', minItems: 2, maxItems: 3, items: { type: 'string' } },
        either: { oneOf: [{ type: 'array' }, { $ref: '#/$defs/named' }] },
        both: { allOf: [{ type: 'object' }, { required: ['x'] }] },
      },
      $defs: { named: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
    };
    const faults = (config: JsonObject) =>
      checkPartialConfig(schema, config).map(({ path, message }) => `${path.join('.')} ${message}`);
    expect(faults({ kind: REFERENCE, list: REFERENCE, either: REFERENCE, both: REFERENCE })).toEqual([]);
    expect(faults({ size: `${REFERENCE}0` })).toEqual([
      " must have required property 'kind'",
      'size must be integer, got a string',
    ]);
    expect(faults({ kind: 'c', size: REFERENCE })).toEqual([
      'kind must be equal to one of the allowed values (a, b)',
    ]);
    expect(faults({ kind: 'a', list: [REFERENCE] })).toEqual(['list must NOT have fewer than 2 items']);
    expect(faults({ kind: 'a', list: [REFERENCE, 1, 'x', 'y'] })).toEqual([
      'list must NOT have more than 3 items',
      'list.1 must be string',
    ]);
    expect(faults({ kind: 'a', either: { title: REFERENCE } })).toEqual([
      'either must be array, got an object',
    ]);
    expect(faults({ kind: 'a', either: { name: REFERENCE } })).toEqual([]);
    expect(faults({ kind: 'a', both: { y: REFERENCE } })).toEqual(["both must have required property 'x'"]);
    expect(faults({ kind: 'a', list: `\${secrets.A}` })).toEqual(['list must be array, got a string']);
  });

  it('says nothing of a schema that refers to itself without end', () => {
    const schema = {
      $ref: '#/$defs/a',
      $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }] } },
    };
    expect(checkPartialConfig(schema, { x: REFERENCE })).toEqual([]);
  });
});
