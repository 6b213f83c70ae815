import { BrokerError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import { type AnySchemaCheck, compileSchema, describeFaults } from './json-schema.ts';
import { boundOf } from './schema-bounds.ts';
import { checkApart, checkNearby, compileApart } from './schema-threads.ts';

/** Checks a resolved configuration against its handler's schema. */
export type ConfigCheck = (config: JsonObject) => Promise<Verdict>;

const SCHEMA_MAX_CHARS = 256 * 1024;
const SCHEMA_MAX_DEPTH = 64;

/** Compiles a handler's `config.schema.json` (JSON Schema 2020-12, strict: unknown keywords are refused). */
export async function compileConfigSchema(handler: string, schema: JsonObject): Promise<ConfigCheck> {
  const check = await compileHandlerSchema('config', handler, schema);
  return async (config) => {
    const found = await check(config);
    if (found.length === 0) return { allowed: true };
    return refuse('ERR_CONFIG_SCHEMA', `configuration of ${handler}: ${describeFaults(found)}`);
  };
}

/**
 * A schema that a handler brings. Throws ERR_MANIFEST_INVALID when it is none. It is compiled in another thread first. A
 * check whose time has a bound, for a value that is not too large for it, then runs here; any other over there.
 */
export async function compileHandlerSchema(
  what: 'config' | 'output',
  handler: string,
  schema: JsonObject,
): Promise<AnySchemaCheck> {
  const text = JSON.stringify(schema);
  const fault = sizeFault(text, schema) ?? (await compileApart(text));
  if (fault !== null) throw new BrokerError('ERR_MANIFEST_INVALID', `${what} schema of ${handler}: ${fault}`);
  const bound = boundOf(schema);
  return bound.bounded
    ? checkNearby(text, bound.steps, compileSchema(schema))
    : (value) => checkApart(text, value);
}

function sizeFault(text: string, schema: JsonObject): string | null {
  if (text.length > SCHEMA_MAX_CHARS) {
    return `expected at most ${SCHEMA_MAX_CHARS} characters, got ${text.length}`;
  }
  return isDeeper(schema, SCHEMA_MAX_DEPTH) ? `expected at most ${SCHEMA_MAX_DEPTH} levels` : null;
}

function isDeeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
