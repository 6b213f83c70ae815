import type { JsonObject } from '../model/json.ts';

/*
 * PostgreSQL's jsonb refuses text with U+0000 or a lone surrogate, and nesting beyond its stack; a statement with one
 * such value fails as a whole. JSON.stringify turns a number that is not finite into null, which would change the
 * result silently. So values are checked before they get near a statement.
 */

const DEPTH_MAX = 512;
/** What takes the place of characters that cannot be stored. */
const REPLACEMENT = '\uFFFD';

/** Why jsonb cannot hold `value` as it is, or null. Never recurses, whatever the depth. */
export function findUnstorable(value: unknown): string | null {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: current, depth } = next;
    if (typeof current === 'object' && current !== null) {
      if (depth >= DEPTH_MAX) return `expected nesting of at most ${DEPTH_MAX} levels`;
      for (const [key, child] of Object.entries(current)) {
        const fault = Array.isArray(current) ? null : textFault(key, 'a key');
        if (fault !== null) return fault;
        open.push({ value: child, depth: depth + 1 });
      }
    } else {
      const fault = scalarFault(current);
      if (fault !== null) return fault;
    }
  }
  return null;
}

/** Text in a form that jsonb holds, at most `maxChars` UTF-16 units. */
export function storableText(text: string, maxChars: number): string {
  return text.slice(0, maxChars).toWellFormed().replaceAll('\u0000', REPLACEMENT);
}

/**
 * Facts for operators, made storable at the cost of their wording. Anything that is not plain JSON of reasonable
 * depth is dropped whole: it is a fault of ours, and no reason to lose a result.
 */
export function storableFacts(facts: JsonObject): JsonObject {
  const fault = findUnstorable(facts);
  if (fault === null) return facts;
  try {
    const repaired: unknown = JSON.parse(JSON.stringify(facts), (_key, value: unknown) =>
      typeof value === 'string' ? storableText(value, value.length) : value,
    );
    if (findUnstorable(repaired) === null) return repaired as JsonObject;
  } catch {
    // Too deep for JSON.stringify, or not JSON at all.
  }
  return { unstorable: fault };
}

function scalarFault(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return textFault(value, 'a string');
    case 'number':
      return Number.isFinite(value) ? null : `expected finite numbers, got ${value}`;
    case 'boolean':
      return null;
    default:
      return value === null ? null : `expected JSON, got ${typeof value}`;
  }
}

function textFault(text: string, what: string): string | null {
  if (!text.isWellFormed()) return `expected Unicode text, got ${what} with a lone surrogate`;
  return text.includes('\u0000') ? `expected text without U+0000, got ${what} with it` : null;
}
