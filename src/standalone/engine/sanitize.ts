import { isJsonObject, type JsonObject, type JsonValue } from '../../model/json.ts';

const DROPPED_KEYS = new Set(['script', 'eval', 'function']);

/**
 * What Tasker stores of a task's context: keys named `script`, `eval` or `function` and every key that begins with `on`
 * are dropped at any depth, in any case, and some markup in strings is defused.
 */
export function sanitizeContext(context: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(context)
      .filter(([key]) => !isDropped(key.toLowerCase()))
      .map(([key, value]) => [key, sanitize(value)]),
  );
}

function isDropped(key: string): boolean {
  return DROPPED_KEYS.has(key) || key.startsWith('on');
}

function sanitize(value: JsonValue): JsonValue {
  if (typeof value === 'string') {
    return value
      .replaceAll('<script>', '&lt;script&gt;')
      .replaceAll('</script>', '&lt;/script&gt;')
      .replaceAll('javascript:', '')
      .replaceAll('data:text/html', 'data:text/plain');
  }
  if (Array.isArray(value)) return value.map(sanitize);
  return isJsonObject(value) ? sanitizeContext(value) : value;
}
