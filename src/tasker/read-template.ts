import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { BrokerError, messageOf } from '../errors.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import { type LocatedTemplate, locateTemplate } from './located-template.ts';
import type { TaskTemplate } from './template.ts';

const REPORTED_FAULTS_MAX = 10;

/** Parses and checks one template. `source` is the file name, for messages. */
export function parseTemplate(text: string, source: string): Verdict<{ readonly template: TaskTemplate }> {
  const located = locateTemplate(text);
  const { template, faults } = located;
  if (template !== null && faults.length === 0) return { allowed: true, template };
  return refuse('ERR_TEMPLATE_INVALID', describe(located, source));
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

/** The file itself, or the template files in a folder and below it. Throws ERR_TEMPLATE_INVALID where there is none. */
export async function templateFiles(fileOrFolder: string): Promise<readonly string[]> {
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

function describe({ faults, locate }: LocatedTemplate, source: string): string {
  const shown = faults.slice(0, REPORTED_FAULTS_MAX).map(({ kind, path: at, message }) => {
    const position = locate(at);
    const where = position === null ? source : `${source}:${position.line}:${position.column}`;
    return kind === 'document' ? `${where}: ${message}` : `${where}: ${pathText(at)}: ${message}`;
  });
  const more = faults.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

function pathText(at: readonly (string | number)[]): string {
  const text = at.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return text.replace(/^\./, '') || 'the document';
}
