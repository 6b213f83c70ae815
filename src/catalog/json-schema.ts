import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonValue } from '../model/json.ts';

/** What a value violates, in sentences that name keys and never values; empty when it is valid. */
export type SchemaCheck = (value: JsonValue) => readonly string[];

const MAX_REPORTED = 5;
const PLACE_MAX_CHARS = 200;

/** Compiles a JSON Schema 2020-12, strict: unknown keywords are refused. Throws what ajv says about a broken one. */
export function compileSchema(schema: JsonValue): SchemaCheck {
  const validate = compile(schema as object | boolean);
  return (value) => (validate(value) ? [] : (validate.errors ?? []).slice(0, MAX_REPORTED).map(sentenceOf));
}

const ajv = new Ajv2020({
  strictSchema: true,
  strictTypes: false,
  strictTuples: false,
  validateFormats: false,
  addUsedSchema: false,
});

/** One compiler, since making one takes longer than most schemas; it keeps none of them. */
function compile(schema: object | boolean): ValidateFunction {
  try {
    return ajv.compile(schema);
  } finally {
    if (typeof schema === 'object') ajv.removeSchema(schema);
  }
}

/** `/metrics/total/op: must be equal to one of the allowed values (count, sum)` */
function sentenceOf(error: ErrorObject): string {
  const where = error.instancePath === '' ? '(top level)' : error.instancePath.slice(0, PLACE_MAX_CHARS);
  const extra = Object.entries(error.params as Record<string, unknown>)
    .filter(([name]) => name === 'additionalProperty' || name === 'allowedValues')
    .map(([, value]) => (Array.isArray(value) ? value.join(', ') : String(value)).slice(0, PLACE_MAX_CHARS));
  return `${where}: ${error.message ?? 'invalid'}${extra.length > 0 ? ` (${extra.join(', ')})` : ''}`;
}
