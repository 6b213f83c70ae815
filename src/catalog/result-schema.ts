import { messageOf } from '../errors.ts';
import type { JsonValue } from '../model/json.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import { compileSchema, type SchemaCheck } from './json-schema.ts';
import { unboundedness } from './schema-bounds.ts';

/*
 * `result_schema` comes from a template, and outputs are checked against it on the broker's main thread. So it is bounded
 * before it is compiled (schema-bounds.ts).
 */

const SCHEMA_MAX_CHARS = 64 * 1024;
const COMPILED_MAX = 256;

type Compiled = Verdict<{ readonly check: SchemaCheck }>;

/** Compiles the `result_schema` of template steps, each once. Refused: ERR_TEMPLATE_INVALID. */
export function createResultSchemas(): (schema: JsonValue) => Compiled {
  const compiled = new Map<string, Compiled>();
  return (schema) => {
    const text = JSON.stringify(schema);
    const known = compiled.get(text);
    if (known !== undefined) return known;
    const verdict = compileResultSchema(schema, text.length);
    // The oldest goes: templates come and go, and compiling again is cheap.
    if (compiled.size >= COMPILED_MAX) compiled.delete(compiled.keys().next().value ?? '');
    compiled.set(text, verdict);
    return verdict;
  };
}

function compileResultSchema(schema: JsonValue, chars: number): Compiled {
  const fault =
    chars > SCHEMA_MAX_CHARS
      ? `expected at most ${SCHEMA_MAX_CHARS} characters, got ${chars}`
      : unboundedness(schema);
  if (fault !== null) return refuse('ERR_TEMPLATE_INVALID', `result_schema: ${fault}`);
  try {
    return { allowed: true, check: compileSchema(schema) };
  } catch (error) {
    return refuse('ERR_TEMPLATE_INVALID', `result_schema: ${messageOf(error)}`);
  }
}
