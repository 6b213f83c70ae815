import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonValue } from '../model/json.ts';

/** One violation. Names keys, never values. */
export interface SchemaFault {
  /** Keys and indices that lead to what violates the schema. */
  readonly path: readonly (string | number)[];
  /** `must be one of the allowed values (count, sum)` */
  readonly message: string;
}

/** What a value violates, at most five; empty when it is valid. */
export type SchemaCheck = (value: JsonValue) => readonly SchemaFault[];

/** The same, where the check may run in another thread. */
export type AnySchemaCheck = (value: JsonValue) => readonly SchemaFault[] | Promise<readonly SchemaFault[]>;

const MAX_REPORTED = 5;
const PLACE_MAX_CHARS = 200;

/** Compiles a JSON Schema 2020-12, strict: unknown keywords are refused. Throws what ajv says about a broken one. */
export function compileSchema(schema: JsonValue): SchemaCheck {
  const validate = compile(schema as object | boolean);
  return (value) => {
    // untrusted: comparing and recursive schemas go as deep as the value does.
    try {
      return validate(value) ? [] : (validate.errors ?? []).slice(0, MAX_REPORTED).map(faultOf);
    } catch (error) {
      if (error instanceof RangeError) return [TOO_DEEP];
      throw error;
    }
  };
}

/** A violation: the engine's stack ended before the value did. */
export const TOO_DEEP: SchemaFault = Object.freeze({ path: [], message: 'is nested too deep to be checked' });

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

/** `/metrics/total/op: must be equal to one of the allowed values (count, sum); /limit: …` */
export function describeFaults(faults: readonly SchemaFault[]): string {
  return faults
    .map(({ path, message }) => {
      const where = path.map((part) => `/${part}`).join('');
      return `${where === '' ? '(top level)' : where.slice(0, PLACE_MAX_CHARS)}: ${message}`;
    })
    .join('; ');
}

function faultOf({ instancePath, params, message }: ErrorObject): SchemaFault {
  const extra = Object.entries(params as Record<string, unknown>)
    .filter(([name]) => name === 'additionalProperty' || name === 'allowedValues')
    .map(([, value]) => (Array.isArray(value) ? value.join(', ') : String(value)).slice(0, PLACE_MAX_CHARS));
  return {
    path: instancePath
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
      .map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : part)),
    message: `${message ?? 'invalid'}${extra.length > 0 ? ` (${extra.join(', ')})` : ''}`,
  };
}
