import { isJsonObject, type JsonValue } from './json.ts';
import type { Segment } from './reference-syntax.ts';

/** What a path leads to, or why it leads to nothing. */
export type Found =
  | { readonly found: true; readonly value: JsonValue }
  | { readonly found: false; readonly why: string };

/** Follows `path` from `start`; `startName` is what messages call it. Only own properties are followed. */
export function followPath(start: JsonValue, startName: string, path: readonly Segment[]): Found {
  let current = start;
  let reached = startName;
  for (const segment of path) {
    const next = into(current, segment);
    if (next === undefined) return { found: false, why: `${reached} ${missing(current, segment)}` };
    current = next;
    reached += typeof segment === 'number' ? `[${segment}]` : `[${JSON.stringify(segment)}]`;
  }
  return { found: true, value: current };
}

function into(value: JsonValue, segment: Segment): JsonValue | undefined {
  if (typeof segment === 'number') return Array.isArray(value) ? value[segment] : undefined;
  return isJsonObject(value) ? ownProperty(value, segment) : undefined;
}

/** Own properties only: `__proto__`, `constructor` and the like are not data. */
export function ownProperty(object: Readonly<Record<string, JsonValue>>, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function missing(value: JsonValue, segment: Segment): string {
  if (typeof segment === 'number') {
    return Array.isArray(value)
      ? `has ${value.length} elements, not one at index ${segment}`
      : `is ${kindOf(value)}, expected an array for index ${segment}`;
  }
  return isJsonObject(value)
    ? `has no key ${JSON.stringify(segment)}; its keys: ${nameSome(Object.keys(value))}`
    : `is ${kindOf(value)}, expected an object with key ${JSON.stringify(segment)}`;
}

/** The kind of a value, for messages. */
export function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A few names in quotes and how many more there are, for messages. */
export function nameSome(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, 8).map((name) => JSON.stringify(name.slice(0, 60)));
  return names.length > shown.length
    ? `${shown.join(', ')} and ${names.length - shown.length} more`
    : shown.join(', ');
}
