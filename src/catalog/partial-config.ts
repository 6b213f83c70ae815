import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { kindOf } from '../model/reference-lookup.ts';
import { parseTemplate } from '../model/reference-syntax.ts';
import { compileSchema, type SchemaFault } from './json-schema.ts';

/**
 * Checks a configuration before its references are resolved: a string that is one reference may become any value, text
 * with references inside becomes some text. What is literal is checked exactly; around references only what holds
 * whatever they become, so that no finding is false. (A whole literal part goes to the real validator; `not`, `if`, `enum`
 * and the like say nothing definite about a value that is not known.)
 */
export function checkPartialConfig(schema: JsonObject, config: JsonValue): readonly SchemaFault[] {
  return check(schema, config, { root: schema, path: [], depth: 0 });
}

interface Place {
  readonly root: JsonObject;
  readonly path: readonly (string | number)[];
  /** References followed since the last step into the value. */
  readonly depth: number;
}

/** A schema that refers to itself without end says nothing. */
const REF_DEPTH_MAX = 8;

function check(schema: JsonValue | undefined, value: JsonValue, place: Place): readonly SchemaFault[] {
  if (schema === undefined || schema === true || place.depth > REF_DEPTH_MAX) return [];
  if (isUnknown(value)) return [];
  if (!hasReference(value)) return literalFaults(schema, value, place);
  if (!isJsonObject(schema)) return [{ path: place.path, message: 'nothing may stand here' }];
  return [
    ...typeFaults(schema, value, place),
    ...objectFaults(schema, value, place),
    ...arrayFaults(schema, value, place),
    ...combinedFaults(schema, value, place),
  ];
}

/** Exactly what the handler's own check would say about this part. */
function literalFaults(schema: JsonValue, value: JsonValue, { root, path }: Place): readonly SchemaFault[] {
  const { $defs } = root;
  const whole = isJsonObject(schema) && $defs !== undefined ? { ...schema, $defs } : schema;
  try {
    return compileSchema(whole)(value).map((fault) => ({ ...fault, path: [...path, ...fault.path] }));
  } catch {
    // It refers to a part of the whole schema that is not here.
    return [];
  }
}

function typeFaults(schema: JsonObject, value: JsonValue, { path }: Place): readonly SchemaFault[] {
  const { type } = schema;
  if (type === undefined) return [];
  const allowed: readonly JsonValue[] = Array.isArray(type) ? type : [type];
  const got = Array.isArray(value) ? 'array' : typeof value;
  return allowed.includes(got)
    ? []
    : [{ path, message: `must be ${allowed.join(' or ')}, got ${kindOf(value)}` }];
}

function objectFaults(schema: JsonObject, value: JsonValue, place: Place): readonly SchemaFault[] {
  if (!isJsonObject(value)) return [];
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const rest = schema['patternProperties'] === undefined ? schema['additionalProperties'] : undefined;
  const missing = required.filter((key) => typeof key === 'string' && !Object.hasOwn(value, key));
  return [
    ...missing.map((key) => ({ path: place.path, message: `must have required property '${key}'` })),
    ...Object.entries(value).flatMap(([key, item]) => {
      const inner = { ...place, path: [...place.path, key], depth: 0 };
      if (Object.hasOwn(properties, key)) return check(properties[key], item, inner);
      if (rest === false)
        return [{ path: inner.path, message: `must NOT have additional properties (${key})` }];
      return check(rest, item, inner);
    }),
  ];
}

function arrayFaults(schema: JsonObject, value: JsonValue, place: Place): readonly SchemaFault[] {
  if (!Array.isArray(value)) return [];
  const { items, minItems, maxItems } = schema;
  const prefix = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : [];
  const size: SchemaFault[] = [];
  if (typeof minItems === 'number' && value.length < minItems) {
    size.push({ path: place.path, message: `must NOT have fewer than ${minItems} items` });
  }
  if (typeof maxItems === 'number' && value.length > maxItems) {
    size.push({ path: place.path, message: `must NOT have more than ${maxItems} items` });
  }
  return [
    ...size,
    ...value.flatMap((item, index) =>
      check(prefix[index] ?? items, item, { ...place, path: [...place.path, index], depth: 0 }),
    ),
  ];
}

function combinedFaults(schema: JsonObject, value: JsonValue, place: Place): readonly SchemaFault[] {
  const { $ref, allOf } = schema;
  const deeper = { ...place, depth: place.depth + 1 };
  return [
    ...(typeof $ref === 'string' ? check(definition(place.root, $ref), value, deeper) : []),
    ...(Array.isArray(allOf) ? allOf.flatMap((part) => check(part, value, deeper)) : []),
    ...['anyOf', 'oneOf'].flatMap((keyword) => alternativeFaults(schema[keyword], value, deeper)),
  ];
}

/** Wrong only if every alternative is. With the faults of the one that comes nearest. */
function alternativeFaults(
  alternatives: JsonValue | undefined,
  value: JsonValue,
  place: Place,
): readonly SchemaFault[] {
  if (!Array.isArray(alternatives)) return [];
  const faults = alternatives.map((alternative) => check(alternative, value, place));
  if (faults.some((found) => found.length === 0)) return [];
  return faults.sort((a, b) => a.length - b.length)[0] ?? [];
}

/** Undefined, which says nothing, for references to anywhere else than `$defs`. */
function definition(root: JsonObject, ref: string): JsonValue | undefined {
  const name = /^#\/\$defs\/([^/~%]+)$/.exec(ref)?.[1];
  const { $defs } = root;
  return name !== undefined && isJsonObject($defs) && Object.hasOwn($defs, name) ? $defs[name] : undefined;
}

/** A string that is one reference and nothing else, or that cannot be read: reported as such, not as a value. */
function isUnknown(value: JsonValue): boolean {
  if (typeof value !== 'string') return false;
  const template = parseTemplate(value);
  if (!template.ok) return true;
  const [only] = template.parts;
  return template.parts.length === 1 && typeof only === 'object' && only.root !== 'secret';
}

function hasReference(value: JsonValue): boolean {
  if (typeof value === 'string') return value.includes('${');
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(hasReference);
}
