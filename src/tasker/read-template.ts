import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { BrokerError, messageOf } from '../errors.ts';
import { type Refusal, refuse, type Verdict } from '../model/verdict.ts';
import { findUnstorable } from './storable.ts';
import { TaskTemplate } from './template.ts';
import { checkTemplate, type TemplateFault } from './template-checks.ts';

const TEMPLATE_MAX_BYTES = 256 * 1024;
/** How many nodes aliases may expand to; a real template uses a handful. */
const ALIAS_MAX = 100;
const REPORTED_FAULTS_MAX = 10;

/** Parses and checks one template. `source` is the file name, for messages. */
export function parseTemplate(text: string, source: string): Verdict<{ readonly template: TaskTemplate }> {
  if (Buffer.byteLength(text) > TEMPLATE_MAX_BYTES) {
    return refuse('ERR_TEMPLATE_INVALID', `${source}: expected at most ${TEMPLATE_MAX_BYTES} bytes`);
  }
  const lines = new LineCounter();
  const read = readYaml(text, source, lines);
  if (!read.allowed) return read;
  const unstorable = findUnstorable(read.value);
  if (unstorable !== null) return refuse('ERR_TEMPLATE_INVALID', `${source}: ${unstorable}`);
  const parsed = TaskTemplate.safeParse(read.value);
  const faults = parsed.success
    ? checkTemplate(parsed.data)
    : parsed.error.issues.map(({ path: at, message }) => ({ path: at as (string | number)[], message }));
  if (parsed.success && faults.length === 0) return { allowed: true, template: parsed.data };
  return refuse('ERR_TEMPLATE_INVALID', describe(faults, source, read.document, lines));
}

/**
 * The template in a file, or all templates (`*.yaml`, `*.yml`) in a folder and below it.
 * Throws ERR_TEMPLATE_INVALID for the first that cannot be used.
 */
export async function readTemplates(fileOrFolder: string): Promise<readonly TaskTemplate[]> {
  const templates: TaskTemplate[] = [];
  for (const file of await templateFiles(fileOrFolder)) {
    const verdict = parseTemplate(await readFile(file, 'utf8'), file);
    if (!verdict.allowed) throw new BrokerError(verdict.code, verdict.message);
    templates.push(verdict.template);
  }
  return templates;
}

async function templateFiles(fileOrFolder: string): Promise<readonly string[]> {
  try {
    if (!(await stat(fileOrFolder)).isDirectory()) return [fileOrFolder];
    const names = await readdir(fileOrFolder, { recursive: true });
    return names
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => path.join(fileOrFolder, name));
  } catch (error) {
    throw new BrokerError(
      'ERR_TEMPLATE_INVALID',
      `cannot read template ${fileOrFolder}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

type Read = Verdict<{ readonly value: unknown; readonly document: Document }>;

/** YAML 1.2 core: no custom tags, no merge keys, one document, bounded aliases. */
function readYaml(text: string, source: string, lineCounter: LineCounter): Read {
  try {
    const document = parseDocument(text, { schema: 'core', lineCounter, logLevel: 'error' });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) {
      const { line, col } = lineCounter.linePos(problem.pos[0]);
      return yamlRefusal(`${source}:${line}:${col}`, problem.message.split(/ at line |\n/)[0] ?? '');
    }
    return { allowed: true, value: document.toJS({ maxAliasCount: ALIAS_MAX }), document };
  } catch (error) {
    // Too many aliases, or nested too deeply for the parser.
    return yamlRefusal(source, messageOf(error));
  }
}

function yamlRefusal(where: string, problem: string): Refusal {
  return refuse('ERR_TEMPLATE_INVALID', `${where}: expected a template in YAML: ${problem}`);
}

function describe(
  faults: readonly TemplateFault[],
  source: string,
  document: Document,
  lines: LineCounter,
): string {
  const shown = faults
    .slice(0, REPORTED_FAULTS_MAX)
    .map(({ path: at, message }) => `${source}${position(at, document, lines)}: ${pathText(at)}: ${message}`);
  const more = faults.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

/** `:line:column` of the value, or of the nearest value around it that exists. */
function position(at: readonly (string | number)[], document: Document, lines: LineCounter): string {
  for (let depth = at.length; depth >= 0; depth--) {
    const node = document.getIn(at.slice(0, depth), true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
    if (Array.isArray(range)) {
      const { line, col } = lines.linePos(range[0]);
      return `:${line}:${col}`;
    }
  }
  return '';
}

function pathText(at: readonly (string | number)[]): string {
  const text = at.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return text.replace(/^\./, '') || 'the document';
}
