import { BrokerError, messageOf } from '../errors.ts';
import type { JsonObject } from '../model/json.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import { compileSchema, describeFaults, type SchemaCheck } from './json-schema.ts';

/** Checks a resolved configuration against its handler's schema. */
export type ConfigCheck = (config: JsonObject) => Verdict;

/** Compiles a handler's `config.schema.json` (JSON Schema 2020-12, strict: unknown keywords are refused). */
export function compileConfigSchema(handler: string, schema: JsonObject): ConfigCheck {
  const check = compileHandlerSchema('config', handler, schema);
  return (config) => {
    const found = check(config);
    if (found.length === 0) return { allowed: true };
    return refuse('ERR_CONFIG_SCHEMA', `configuration of ${handler}: ${describeFaults(found)}`);
  };
}

/** A schema that a handler brings. Throws ERR_MANIFEST_INVALID when it is none. */
export function compileHandlerSchema(
  what: 'config' | 'output',
  handler: string,
  schema: JsonObject,
): SchemaCheck {
  try {
    return compileSchema(schema);
  } catch (error) {
    throw new BrokerError('ERR_MANIFEST_INVALID', `${what} schema of ${handler}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
