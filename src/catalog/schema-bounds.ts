import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';

/*
 * Which schemas are checked in time proportional to the value: those without recursion and with a bounded number of
 * subschemas. Regular expressions and comparisons of all pairs of elements are not.
 */

/** Subschemas, counted as often as references lead to them. */
const SUBSCHEMAS_MAX = 1000;
const UNIQUE_ITEMS_MAX = 1000;

/** Keyword by what its value holds. */
const ONE = [
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
];
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAP = ['dependentSchemas', 'properties'];
const REFUSED: Readonly<Record<string, string>> = {
  pattern: 'a regular expression can take for ever',
  patternProperties: 'a regular expression can take for ever',
  $dynamicRef: 'it can make a schema refer to itself',
  $recursiveRef: 'it can make a schema refer to itself',
  $id: 'references are looked for in the schema itself only',
};

/** `steps`: what checking one node of a value may take, subschemas and compared values; a step is some ten nanoseconds. */
export type SchemaBound =
  | { readonly bounded: true; readonly steps: number }
  | { readonly bounded: false; readonly why: string };

/** Whether the time of a check has a bound by the form of the schema, and which; or why not. */
export function boundOf(root: JsonValue): SchemaBound {
  const pending: { readonly schema: JsonValue; readonly through: readonly string[] }[] = [
    { schema: root, through: [] },
  ];
  let compared = 0;
  for (let count = 1; ; count++) {
    const next = pending.pop();
    if (next === undefined) return { bounded: true, steps: count + compared };
    if (count > SUBSCHEMAS_MAX) {
      return unbounded(
        `expected at most ${SUBSCHEMAS_MAX} subschemas, each counted as often as $ref leads to it`,
      );
    }
    const { schema, through } = next;
    if (typeof schema === 'boolean') continue;
    if (!isJsonObject(schema)) return unbounded('expected a JSON Schema: an object or a boolean');
    compared += comparisonsOf(schema);
    const fault = keywordFault(schema);
    if (fault !== null) return unbounded(fault);
    for (const inner of subschemasOf(schema)) pending.push({ schema: inner, through });
    const pointer = schema['$ref'];
    if (pointer === undefined) continue;
    if (typeof pointer !== 'string' || !pointer.startsWith('#/'))
      return unbounded('expected $ref to begin with "#/"');
    if (through.includes(pointer))
      return unbounded(`${pointer.slice(0, 100)} refers to itself; the time of a check has to be bounded`);
    const target = pointedAt(root, pointer);
    if (target === undefined) return unbounded(`nothing is at ${pointer.slice(0, 100)}`);
    pending.push({ schema: target, through: [...through, pointer] });
  }
}

const unbounded = (why: string): SchemaBound => ({ bounded: false, why });

/** Values that a node may be compared with, one after another. */
function comparisonsOf({ enum: values, required, uniqueItems, maxItems }: JsonObject): number {
  const listed = (list: JsonValue | undefined) => (Array.isArray(list) ? list.length : 0);
  return (
    listed(values) + listed(required) + (uniqueItems === true && typeof maxItems === 'number' ? maxItems : 0)
  );
}

function keywordFault(schema: JsonObject): string | null {
  const refused = Object.keys(REFUSED).find((keyword) => Object.hasOwn(schema, keyword));
  if (refused !== undefined) return `expected no "${refused}": ${REFUSED[refused]}`;
  const { uniqueItems, maxItems } = schema;
  if (uniqueItems !== true || (typeof maxItems === 'number' && maxItems <= UNIQUE_ITEMS_MAX)) return null;
  return `expected "uniqueItems" only with a "maxItems" of at most ${UNIQUE_ITEMS_MAX}: it compares all pairs`;
}

function subschemasOf(schema: JsonObject): readonly JsonValue[] {
  const own = (keyword: string) => (Object.hasOwn(schema, keyword) ? schema[keyword] : undefined);
  return [...ONE, ...LIST, ...MAP].flatMap((keyword) => {
    const value = own(keyword);
    if (value === undefined) return [];
    if (ONE.includes(keyword)) return [value];
    return typeof value === 'object' && value !== null ? Object.values(value) : [];
  });
}

/** The value that a JSON pointer in a URI fragment leads to. */
function pointedAt(root: JsonValue, pointer: string): JsonValue | undefined {
  let current: JsonValue | undefined = root;
  for (const part of pointer.slice(2).split('/')) {
    const key = decoded(part);
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as JsonObject)[key];
  }
  return current;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return part;
  }
}
