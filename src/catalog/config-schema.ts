import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { BrokerError, messageOf } from '../errors.ts';
import type { JsonObject } from '../model/json.ts';
import { refuse, type Verdict } from '../model/verdict.ts';

/** Checks a resolved configuration against its handler's schema. */
export type ConfigCheck = (config: JsonObject) => Verdict;

const MAX_REPORTED = 5;

/** Compiles a handler's `config.schema.json` (JSON Schema 2020-12, strict: unknown keywords are refused). */
export function compileConfigSchema(handler: string, schema: JsonObject): ConfigCheck {
  const validate = compile(handler, schema);
  return (config) => {
    if (validate(config)) return { allowed: true };
    const found = (validate.errors ?? []).slice(0, MAX_REPORTED).map(sentenceOf);
    return refuse('ERR_CONFIG_SCHEMA', `configuration of ${handler}: ${found.join('; ')}`);
  };
}

function compile(handler: string, schema: JsonObject): ValidateFunction {
  try {
    return new Ajv2020({
      strictSchema: true,
      strictTypes: false,
      strictTuples: false,
      validateFormats: false,
    }).compile(schema);
  } catch (error) {
    throw new BrokerError('ERR_MANIFEST_INVALID', `config schema of ${handler}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** `/metrics/total/op: must be equal to one of the allowed values (count, sum)`; names keys, never values. */
function sentenceOf(error: ErrorObject): string {
  const where = error.instancePath === '' ? '(top level)' : error.instancePath;
  const extra = Object.entries(error.params as Record<string, unknown>)
    .filter(([name]) => name === 'additionalProperty' || name === 'allowedValues')
    .map(([, value]) => (Array.isArray(value) ? value.join(', ') : String(value)));
  return `${where}: ${error.message ?? 'invalid'}${extra.length > 0 ? ` (${extra.join(', ')})` : ''}`;
}
