/*
 * Syntax of `${…}` in a configuration:
 *
 *   template  = { text | "$${" | "${" reference "}" }        "$${" is a literal "${"
 *   reference = "task.context" path
 *             | "steps" key ".result" path
 *             | "secrets." NAME
 *   path      = { key | "[" digits "]" }
 *   key       = "." word | "[" JSON string "]"
 */

/** One step into a JSON value: a property name or an array index. */
export type Segment = string | number;

/** What stands between `${` and `}`; `text` is the whole of it, for messages. */
export type Reference =
  | { readonly root: 'context'; readonly path: readonly Segment[]; readonly text: string }
  | { readonly root: 'step'; readonly step: string; readonly path: readonly Segment[]; readonly text: string }
  | { readonly root: 'secret'; readonly name: string; readonly text: string };

/** A string taken apart: literal text and references in order. */
export type Template =
  | { readonly ok: true; readonly parts: readonly (string | Reference)[] }
  | { readonly ok: false; readonly at: number; readonly expected: string };

const WORD = /\.([A-Za-z_][A-Za-z0-9_-]*)/y;
const INDEX = /\[(0|[1-9][0-9]{0,8})\]/y;
const QUOTED = /\[("(?:[^"\\]|\\.)*")\]/y;
const ROOT = /(task\.context|steps|secrets)(?![A-Za-z0-9_-])/y;
const RESULT = /\.result(?![A-Za-z0-9_-])/y;
const SECRET = /\.([A-Za-z_][A-Za-z0-9_]*)/y;

/** Takes a string of a configuration apart. Linear in its length; never throws. */
export function parseTemplate(text: string): Template {
  const parts: (string | Reference)[] = [];
  let literal = '';
  let position = 0;
  for (;;) {
    const start = text.indexOf('${', position);
    if (start === -1) break;
    if (start > position && text[start - 1] === '$') {
      literal += `${text.slice(position, start - 1)}\${`;
      position = start + 2;
      continue;
    }
    literal += text.slice(position, start);
    const parsed = parseReference(text, start);
    if (!parsed.ok) return parsed;
    if (literal !== '') parts.push(literal);
    parts.push(parsed.reference);
    literal = '';
    position = parsed.end;
  }
  literal += text.slice(position);
  if (literal !== '' || parts.length === 0) parts.push(literal);
  return { ok: true, parts };
}

type Parsed =
  | { readonly ok: true; readonly reference: Reference; readonly end: number }
  | { readonly ok: false; readonly at: number; readonly expected: string };

function parseReference(text: string, start: number): Parsed {
  const cursor = { text, position: start + 2 };
  const fail = (expected: string): Parsed => ({ ok: false, at: cursor.position, expected });
  const root = take(cursor, ROOT);
  if (root === null) return fail('`task.context`, `steps.NAME.result` or `secrets.NAME`');
  const close = (reference: (text: string) => Reference): Parsed => {
    if (text[cursor.position] !== '}') return fail('`.key`, `[0]`, `["key"]` or `}`');
    const end = cursor.position + 1;
    return { ok: true, reference: Object.freeze(reference(text.slice(start, end))), end };
  };

  if (root === 'secrets') {
    const name = take(cursor, SECRET);
    if (name === null) return fail('the name of a secret: a letter or `_`, then letters, digits or `_`');
    if (text[cursor.position] !== '}') return fail('`}`: a secret has no parts');
    return close((whole) => ({ root: 'secret', name, text: whole }));
  }
  if (root === 'steps') {
    const step = takeKey(cursor);
    if (step === null) return fail('the name of a step: `.name` or `["name"]`');
    if (take(cursor, RESULT) === null) return fail('`.result`');
    const path = takePath(cursor);
    return close((whole) => ({ root: 'step', step, path, text: whole }));
  }
  const path = takePath(cursor);
  return close((whole) => ({ root: 'context', path, text: whole }));
}

interface Cursor {
  readonly text: string;
  position: number;
}

/** Moves past `pattern` (sticky) and returns its group, or the whole match; null if it does not stand here. */
function take(cursor: Cursor, pattern: RegExp): string | null {
  pattern.lastIndex = cursor.position;
  const match = pattern.exec(cursor.text);
  if (match === null) return null;
  cursor.position = pattern.lastIndex;
  return match[1] ?? match[0];
}

function takeKey(cursor: Cursor): string | null {
  const word = take(cursor, WORD);
  if (word !== null) return word;
  const before = cursor.position;
  const quoted = take(cursor, QUOTED);
  if (quoted === null) return null;
  try {
    return JSON.parse(quoted) as string;
  } catch {
    cursor.position = before;
    return null;
  }
}

function takePath(cursor: Cursor): Segment[] {
  const path: Segment[] = [];
  for (;;) {
    const index = take(cursor, INDEX);
    if (index !== null) {
      path.push(Number(index));
      continue;
    }
    const key = takeKey(cursor);
    if (key === null) return path;
    path.push(key);
  }
}
