import { messageOf } from '../errors.ts';
import type { JsonValue } from '../model/json.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import { type AnySchemaCheck, compileSchema } from './json-schema.ts';
import { boundOf } from './schema-bounds.ts';
import { checkNearby } from './schema-threads.ts';

/*
 * `result_schema` comes from a template, and outputs are checked against it on the broker's main thread. So it is bounded
 * before it is compiled (schema-bounds.ts).
 */

const SCHEMA_MAX_CHARS = 64 * 1024;
const COMPILED_MAX = 256;

type Compiled = Verdict<{ readonly check: AnySchemaCheck }>;

/** Compiles the `result_schema` of template steps, each once. Refused: ERR_TEMPLATE_INVALID. */
export function createResultSchemas(): (schema: JsonValue) => Compiled {
  const compiled = new Map<string, Compiled>();
  return (schema) => {
    const text = JSON.stringify(schema);
    const known = compiled.get(text);
    if (known !== undefined) return known;
    const verdict = compileResultSchema(schema, text);
    // The oldest goes: templates come and go, and compiling again is cheap.
    if (compiled.size >= COMPILED_MAX) compiled.delete(compiled.keys().next().value ?? '');
    compiled.set(text, verdict);
    return verdict;
  };
}

function compileResultSchema(schema: JsonValue, text: string): Compiled {
  if (text.length > SCHEMA_MAX_CHARS) {
    return refused(`expected at most ${SCHEMA_MAX_CHARS} characters, got ${text.length}`);
  }
  const bound = boundOf(schema);
  if (!bound.bounded) return refused(bound.why);
  try {
    return { allowed: true, check: checkNearby(text, bound.steps, compileSchema(schema)) };
  } catch (error) {
    return refused(messageOf(error));
  }
}

function refused(why: string): Compiled {
  return refuse('ERR_TEMPLATE_INVALID', `result_schema: ${why}`);
}
