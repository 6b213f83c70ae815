import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { document, loadHandler, outputOf } from './catalog-handler.ts';

interface Verdict {
  readonly valid: boolean;
  readonly errors: readonly { readonly path: string; readonly keyword: string }[];
}

let run: Awaited<ReturnType<typeof loadHandler>>;
beforeAll(async () => {
  run = await loadHandler('validate');
});

const validate = (schema: unknown, data: unknown): Verdict =>
  outputOf(run(data, { schema, on_invalid: 'flag', max_errors: 1000 })) as Verdict;

const key = fc.constantFrom('a', 'b', 'US Gross', 'é"\\');
const scalar = fc.oneof(
  fc.constantFrom(null, true, false, '', 'a', 'ab', 'é😀', 0, 1, 2, 1.5, -1, 10),
  fc.integer({ min: -20, max: 20 }),
  fc.string({ maxLength: 4, unit: 'binary' }),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));
const typeName = fc.constantFrom('null', 'boolean', 'number', 'integer', 'string', 'array', 'object');
const bound = fc.integer({ min: 0, max: 4 });
const number = fc.oneof(fc.integer({ min: -3, max: 12 }), fc.constantFrom(0.5, 1.5));

/** Schemas of the subset, without the combining keywords unless asked. */
function schemas(combined: boolean) {
  return fc.letrec<{ schema: unknown }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 2 },
      fc.record(
        {
          type: fc.oneof(typeName, fc.uniqueArray(typeName, { minLength: 1, maxLength: 3 })),
          enum: fc.uniqueArray(scalar, { minLength: 1, maxLength: 4, comparator: (a, b) => Object.is(a, b) }),
          const: scalar,
          minimum: number,
          maximum: number,
          exclusiveMinimum: number,
          exclusiveMaximum: number,
          multipleOf: fc.integer({ min: 1, max: 4 }),
          minLength: bound,
          maxLength: bound,
          minItems: bound,
          maxItems: bound,
          title: fc.string(),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
      fc.record(
        {
          type: typeName,
          properties: fc.dictionary(key, tie('schema'), { maxKeys: 3, noNullPrototype: true }),
          required: fc.uniqueArray(key, { maxLength: 2 }),
          additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
          items: tie('schema'),
          ...(combined
            ? {
                allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
                anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
                oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
                not: tie('schema'),
              }
            : {}),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    ),
  })).schema;
}

const ajv = () => new Ajv2020({ allErrors: true, strict: false, validateFormats: false });

/** `$.a[0]["US Gross"]` → `/a/0/US Gross`, as ajv names the place. */
function pointer(path: string): string {
  const steps = path.slice(1).match(/\.[^.[]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\]/gu) ?? [];
  return steps
    .map((step) => (step.startsWith('.') ? step.slice(1) : String(JSON.parse(step.slice(1, -1)))))
    .map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

describe('validate against ajv', () => {
  it('agrees on which values are valid, for any schema of the subset', () => {
    fc.assert(
      fc.property(schemas(true), fc.array(value, { minLength: 10, maxLength: 20 }), (schema, values) => {
        const check = ajv().compile(schema as object);
        for (const data of values)
          expect(validate(schema, data).valid, JSON.stringify(data)).toBe(check(data));
      }),
      { numRuns: 60 },
    );
  });

  it('finds the errors that ajv finds, unless a value has the wrong type', () => {
    fc.assert(
      fc.property(schemas(false), fc.array(value, { minLength: 10, maxLength: 20 }), (schema, values) => {
        const check = ajv().compile(schema as object);
        for (const data of values) {
          check(data);
          const expected = (check.errors ?? []).map(({ instancePath, keyword }) => ({
            instancePath,
            keyword,
          }));
          const mistyped = expected
            .filter((error) => error.keyword === 'type')
            .map((error) => error.instancePath);
          const found = validate(schema, data).errors.map(
            (error) => `${pointer(error.path)} ${error.keyword}`,
          );
          // A value of the wrong type gets one error here; ajv goes on to its other keywords and its children.
          const wanted = expected.filter(
            ({ instancePath, keyword }) =>
              !mistyped.some((path) => instancePath.startsWith(`${path}/`)) &&
              (keyword === 'type' || !mistyped.includes(instancePath)),
          );
          expect(new Set(found), JSON.stringify(data)).toEqual(
            new Set(wanted.map((error) => `${error.instancePath} ${error.keyword}`)),
          );
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('validate', () => {
  it.each([
    [0.3, 0.1, true],
    [0.35, 0.1, false],
    [19.99, 0.01, true],
    [1e300, 3, false],
    [12e2, 100, true],
    [0, 7, true],
    [-9, 3, true],
    [7, 2, false],
    [1.5, 0.5, true],
    [0.0075, 0.0001, true],
  ])('%d as a multiple of %d is %s, by decimal digits', (data, multipleOf, valid) => {
    expect(validate({ multipleOf }, data).valid).toBe(valid);
  });

  it('checks the exact digits of a number against multipleOf', () => {
    const odd = run(document('9007199254740993'), { schema: { multipleOf: 2 }, on_invalid: 'flag' });
    expect(outputOf(odd)).toMatchObject({ valid: false });
  });

  it('counts characters as code points, however they are written', () => {
    const result = run(document('["😀","\\ud83d\\ude00","\\ud83d","e\u0301"]'), {
      schema: { items: { minLength: 1, maxLength: 1 } },
      on_invalid: 'flag',
    });
    expect((outputOf(result) as Verdict).errors).toEqual([
      expect.objectContaining({ path: '$[3]', keyword: 'maxLength' }),
    ]);
  });

  it.each([
    [{ pattern: 'a' }, 'config.schema.pattern: expected a keyword of the supported subset, got pattern'],
    [{ properties: { a: { items: { $ref: '#' } } } }, 'config.schema.properties.a.items.$ref: expected'],
    [{ anyOf: [{}, { format: 'date' }] }, 'config.schema.anyOf[1].format: expected'],
    [{ not: { minimun: 1 } }, 'config.schema.not.minimun: expected'],
  ])('refuses what it would not check: %j', (schema, message) => {
    const { failure } = run({}, { schema });
    expect(failure).toMatchObject({
      code: 'schema_unsupported',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    [{ type: 'strnig' }, 'config.schema.type: expected the name of a type'],
    [{ required: 'a' }, 'config.schema.required: expected array of strings'],
    [{ minLength: -1 }, 'config.schema.minLength: expected whole number from 0'],
    [{ multipleOf: 0 }, 'config.schema.multipleOf: expected number above 0'],
    [{ items: 3 }, 'config.schema.items: expected object or boolean'],
    [{ anyOf: [] }, 'config.schema.anyOf: expected array of schemas'],
  ])('refuses a schema that is none: %j', (schema, message) => {
    const { failure } = run({}, { schema });
    expect(failure).toMatchObject({
      code: 'schema_invalid',
      message: expect.stringContaining(message) as string,
    });
  });

  it('fails by default, and says how many records and what is wrong with the first', () => {
    const config = { each: true, schema: { required: ['a'], properties: { a: { type: 'string' } } } };
    expect(run([{ a: 'x' }, { a: 1 }, {}], config).failure).toEqual({
      code: 'validation_failed',
      message: '2 of 3 records are not valid; the first: $[1].a: expected string, got number',
    });
    expect(run({ a: 1 }, { ...config, each: false }).failure).toEqual({
      code: 'validation_failed',
      message: 'input is not valid: $.a: expected string, got number',
    });
  });

  it('lists at most max_errors errors of a record', () => {
    const output = outputOf(
      run([[1, 2, 3], [4]], {
        each: true,
        on_invalid: 'flag',
        max_errors: 2,
        schema: { items: { type: 'string' } },
      }),
    ) as { invalid: { errors: unknown[] }[] };
    expect(output.invalid.map((item) => item.errors.length)).toEqual([2, 1]);
  });

  it('hands records on as they were written', () => {
    const result = run(document('[{"a": 1.0}, 9007199254740993 ]'), {
      each: true,
      on_invalid: 'filter',
      schema: true,
    });
    expect(result.output).toBe('{"valid":[{"a": 1.0},9007199254740993],"valid_count":2,"invalid_count":0}');
  });

  it.each([
    [{ schema: true, each: true }, {}, 'input_mismatch', '$: expected array'],
    [{ schema: true, on_invalid: 'filter' }, {}, 'config_invalid', 'config.each: expected true'],
    [
      { schema: true, on_invalid: 'drop' },
      {},
      'config_invalid',
      'config.on_invalid: expected fail, flag or filter',
    ],
    [
      { schema: true, max_errors: 0 },
      {},
      'config_invalid',
      'config.max_errors: expected whole number of at least 1',
    ],
    [{ schema: true, extra: 1 }, {}, 'config_invalid', 'config.extra: expected only'],
    [{}, {}, 'schema_invalid', 'config.schema: expected object or boolean, got nothing'],
  ])('refuses the configuration %j', (config, input, code, message) => {
    expect(run(input, config).failure).toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });
});
