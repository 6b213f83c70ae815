import type { JsonObject, JsonValue } from './json.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { type Found, followPath, kindOf, nameSome, ownProperty } from './reference-lookup.ts';
import { parseTemplate, type Reference } from './reference-syntax.ts';
import { type Refusal, refuse, type Verdict } from './verdict.ts';

/*
 * `${…}` in a configuration. A string that is exactly one reference becomes the value, whatever its type; inside text
 * strings stand as they are and numbers and booleans as JSON. What a reference yields is data: it is inserted and
 * never read for references again.
 *
 * Secrets are not resolved here: the host puts their values in when a request leaves. What the author of the
 * configuration wrote as `${secrets.NAME}` becomes `${secrets.NAME:MARK}`, and only text with the mark of its
 * invocation is substituted. Data that happens to contain `${secrets.NAME}` lacks the mark and stays text.
 */

/** What references can reach. */
export interface ReferenceScope {
  readonly context: JsonValue;
  /** Results of the steps this step depends on, by name. */
  readonly steps: Readonly<Record<string, JsonValue>>;
  /**
   * What tells the author's secret references from data: `secretMarkOf` a seed of this invocation, and the same in its
   * `Authority`. Without it references to secrets stay as they are written, and the host puts no value in.
   */
  readonly secretMark?: string | null;
  /** Characters all inserted values may have together. Default: twice the default of `limits.input_bytes`. */
  readonly maxChars?: number;
}

/** A reference and where it stands, as a JSON pointer into the configuration. */
export interface LocatedReference {
  readonly reference: Reference;
  readonly pointer: string;
}

/** Configurations nested deeper are refused; the walk is recursive. */
const DEPTH_MAX = 200;

/** The text that stands for a secret in a resolved configuration. */
export function secretPlaceholder(name: string, mark: string): string {
  return `\${secrets.${name}:${mark}}`;
}

/** Every reference in `value`, in order. Refused at the first malformed `${`. */
export function parseReferences(
  value: JsonValue,
): Verdict<{ readonly references: readonly LocatedReference[] }> {
  const references: LocatedReference[] = [];
  const visited = mapStrings(value, '', 0, (text, pointer) => {
    const template = parseTemplate(text);
    if (!template.ok) return malformed(text, pointer, template);
    for (const reference of template.parts) {
      if (typeof reference !== 'string') references.push({ reference, pointer });
    }
    return { allowed: true, value: text };
  });
  return visited.allowed ? { allowed: true, references } : visited;
}

/** Names of the steps that a configuration refers to, unique, in order. Malformed strings count as text. */
export function referencedSteps(initialization: JsonObject): string[] {
  return unique(wellFormedReferences(initialization), (reference) =>
    reference.root === 'step' ? reference.step : null,
  );
}

/** Names of the secrets that a configuration refers to, unique, in order. Malformed strings count as text. */
export function referencedSecrets(value: JsonValue): string[] {
  return unique(wellFormedReferences(value), (reference) =>
    reference.root === 'secret' ? reference.name : null,
  );
}

/**
 * `value` with every reference replaced. Refused with ERR_REFERENCE_UNRESOLVED, naming the reference, where it stands
 * and what exists there; with ERR_INPUT_TOO_LARGE when the inserted values exceed `maxChars`. Only own properties are
 * followed. The input is not changed; inserted objects are shared with the scope, not copied.
 */
export function resolveReferences(
  value: JsonValue,
  scope: ReferenceScope,
): Verdict<{ readonly value: JsonValue }> {
  const maxChars = scope.maxChars ?? 2 * DEFAULT_LIMITS.input_bytes;
  let chars = 0;
  const charge = (inserted: JsonValue): boolean => {
    chars += charsUpTo(inserted, maxChars - chars);
    return chars <= maxChars;
  };
  return mapStrings(value, '', 0, (text, pointer) => {
    const template = parseTemplate(text);
    if (!template.ok) return malformed(text, pointer, template);
    const alone = template.parts.length === 1;
    let rendered = '';
    for (const part of template.parts) {
      if (typeof part === 'string') {
        rendered += part;
        continue;
      }
      const found = lookUp(part, pointer, scope);
      if (!found.allowed) return found;
      if (!charge(found.value)) return tooLarge(part, pointer, maxChars);
      if (alone) return found;
      const inserted = renderScalar(found.value, part, pointer);
      if (typeof inserted !== 'string') return inserted;
      rendered += inserted;
    }
    return { allowed: true, value: rendered };
  });
}

function lookUp(
  reference: Reference,
  pointer: string,
  scope: ReferenceScope,
): Verdict<{ readonly value: JsonValue }> {
  switch (reference.root) {
    case 'secret':
      return {
        allowed: true,
        value:
          scope.secretMark == null ? reference.text : secretPlaceholder(reference.name, scope.secretMark),
      };
    case 'context':
      return located(followPath(scope.context, 'task.context', reference.path), reference, pointer);
    case 'step': {
      const result = ownProperty(scope.steps, reference.step);
      if (result === undefined) {
        const known = nameSome(Object.keys(scope.steps));
        const why = `step ${JSON.stringify(reference.step)} is not among the results this step has; expected one of: ${known}`;
        return unresolved(reference, pointer, why);
      }
      return located(
        followPath(result, `steps.${reference.step}.result`, reference.path),
        reference,
        pointer,
      );
    }
  }
}

function located(
  found: Found,
  reference: Reference,
  pointer: string,
): Verdict<{ readonly value: JsonValue }> {
  return found.found ? { allowed: true, value: found.value } : unresolved(reference, pointer, found.why);
}

/**
 * A value inside text. Null is refused: where it stands in a URL or a sentence, "null" hides that something is missing.
 */
function renderScalar(value: JsonValue, reference: Reference, pointer: string): string | Refusal {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value);
  return unresolved(
    reference,
    pointer,
    `it is ${kindOf(value)}; inside text only a string, number or boolean can stand`,
  );
}

type StringVisit = (text: string, pointer: string) => Verdict<{ readonly value: JsonValue }>;

/** A copy of `value` with every string replaced by what `visit` returns; keys stay. Stops at the first refusal. */
function mapStrings(
  value: JsonValue,
  pointer: string,
  depth: number,
  visit: StringVisit,
): Verdict<{ readonly value: JsonValue }> {
  if (typeof value === 'string') return visit(value, pointer);
  if (typeof value !== 'object' || value === null) return { allowed: true, value };
  if (depth >= DEPTH_MAX) {
    return refuse(
      'ERR_REFERENCE_UNRESOLVED',
      `The configuration is nested deeper than ${DEPTH_MAX} levels; references are not looked for that deep.`,
    );
  }
  if (Array.isArray(value)) {
    const items: JsonValue[] = [];
    for (const [index, item] of value.entries()) {
      const mapped = mapStrings(item, `${pointer}/${index}`, depth + 1, visit);
      if (!mapped.allowed) return mapped;
      items.push(mapped.value);
    }
    return { allowed: true, value: items };
  }
  const entries: [string, JsonValue][] = [];
  for (const [key, item] of Object.entries(value)) {
    const escaped = key.replaceAll('~', '~0').replaceAll('/', '~1');
    const mapped = mapStrings(item, `${pointer}/${escaped}`, depth + 1, visit);
    if (!mapped.allowed) return mapped;
    entries.push([key, mapped.value]);
  }
  // Not by assignment: a key `__proto__` must become a property, not the prototype.
  return { allowed: true, value: Object.fromEntries(entries) };
}

/** Characters of `value` as JSON, roughly; stops counting above `limit`. Iterative: data may be nested deeply. */
function charsUpTo(value: JsonValue, limit: number): number {
  let chars = 0;
  const pending: JsonValue[] = [value];
  while (pending.length > 0 && chars <= limit) {
    const item = pending.pop() as JsonValue;
    if (typeof item === 'string') chars += item.length + 2;
    else if (typeof item !== 'object' || item === null) chars += 4;
    else if (Array.isArray(item)) {
      chars += item.length + 2;
      for (const element of item) pending.push(element);
    } else {
      chars += 2;
      for (const key of Object.keys(item)) {
        chars += key.length + 4;
        pending.push(item[key] as JsonValue);
      }
    }
  }
  return chars;
}

function wellFormedReferences(value: JsonValue): Reference[] {
  const references: Reference[] = [];
  mapStrings(value, '', 0, (text) => {
    const template = parseTemplate(text);
    if (template.ok) {
      for (const part of template.parts) if (typeof part !== 'string') references.push(part);
    }
    return { allowed: true, value: text };
  });
  return references;
}

function unique(references: readonly Reference[], nameOf: (reference: Reference) => string | null): string[] {
  return [...new Set(references.map(nameOf))].filter((name) => name !== null);
}

function unresolved(reference: Reference, pointer: string, why: string): Refusal {
  const at = pointer === '' ? '/' : pointer;
  return refuse('ERR_REFERENCE_UNRESOLVED', `${reference.text} at ${at} resolves to nothing: ${why}.`, {
    reference: reference.text,
    pointer,
  });
}

function malformed(
  text: string,
  pointer: string,
  template: { readonly at: number; readonly expected: string },
): Refusal {
  const start = text.lastIndexOf('${', template.at);
  const shown = text.slice(start, start + 60);
  return refuse(
    'ERR_REFERENCE_UNRESOLVED',
    `${JSON.stringify(shown)} at ${pointer === '' ? '/' : pointer} is not a reference: expected ${template.expected} ` +
      `at character ${template.at}. Write $\${ for a literal \${.`,
    { pointer },
  );
}

function tooLarge(reference: Reference, pointer: string, maxChars: number): Refusal {
  return refuse(
    'ERR_INPUT_TOO_LARGE',
    `With ${reference.text} at ${pointer === '' ? '/' : pointer} the values of all references have more than ` +
      `${maxChars} characters; refer to smaller parts, or raise limits.input_bytes.`,
    { reference: reference.text, pointer },
  );
}
