import { type Document, LineCounter, parseDocument } from 'yaml';
import { messageOf } from '../errors.ts';
import { findUnstorable } from './storable.ts';
import { TaskTemplate } from './template.ts';
import { checkTemplate, type TemplateFault } from './template-checks.ts';

/** Where something stands in a YAML text, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A template with everything that is wrong with it so far, and the places of its values. */
export interface LocatedTemplate {
  /** Null where it has not the shape of one. */
  readonly template: TaskTemplate | null;
  readonly faults: readonly TemplateFault[];
  /** The place of the value at `path`, or of the nearest value around it; null where nothing could be read. */
  locate(path: TemplateFault['path']): Position | null;
}

const TEMPLATE_MAX_BYTES = 256 * 1024;
/** How many nodes aliases may expand to; a real template uses a handful. */
const ALIAS_MAX = 100;
/** Names under which the YAML may have what the template has under another. */
const WRITTEN_AS: Readonly<Record<string, string>> = { type: 'step_type', dependencies: 'depends_on' };

/** Reads a template: YAML 1.2 core, no custom tags, no merge keys, one document, bounded aliases. */
export function locateTemplate(text: string): LocatedTemplate {
  if (Buffer.byteLength(text) > TEMPLATE_MAX_BYTES) {
    return unreadable(`expected at most ${TEMPLATE_MAX_BYTES} bytes`, null);
  }
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { schema: 'core', lineCounter: lines, logLevel: 'error' });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) {
      const message = problem.message.split(/ at line |\n/)[0] ?? '';
      return unreadable(`expected a template in YAML: ${message}`, positionAt(problem.pos[0], lines));
    }
    return located(document.toJS({ maxAliasCount: ALIAS_MAX }), document, lines);
  } catch (error) {
    // Too many aliases, or nested too deeply for the parser.
    return unreadable(`expected a template in YAML: ${messageOf(error)}`, null);
  }
}

function located(value: unknown, document: Document, lines: LineCounter): LocatedTemplate {
  const unstorable = findUnstorable(value);
  if (unstorable !== null) return unreadable(unstorable, null);
  const parsed = TaskTemplate.safeParse(value);
  const template = parsed.success ? parsed.data : null;
  const faults = parsed.success
    ? checkTemplate(parsed.data)
    : parsed.error.issues.map(({ path, message }) => ({
        kind: 'shape' as const,
        path: path as (string | number)[],
        message,
      }));
  return { template, faults, locate: (path) => positionOf(path, document, lines) };
}

function unreadable(message: string, position: Position | null): LocatedTemplate {
  return { template: null, faults: [{ kind: 'document', path: [], message }], locate: () => position };
}

function positionOf(
  path: readonly (string | number)[],
  document: Document,
  lines: LineCounter,
): Position | null {
  for (let depth = path.length; depth >= 0; depth--) {
    const around = path.slice(0, depth);
    const written = around.map((part) => WRITTEN_AS[part] ?? part);
    const node = document.getIn(around, true) ?? document.getIn(written, true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
    if (Array.isArray(range)) return positionAt(range[0], lines);
  }
  return null;
}

function positionAt(offset: number, lines: LineCounter): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}
