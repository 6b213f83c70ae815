import { basename } from 'node:path';
import type { CatalogEntry } from '../../catalog/catalog.ts';
import { BUILTIN_FOLDER, handlerFolders, loadHandler } from '../../catalog/load.ts';
import type { Config } from '../../config.ts';
import { messageOf } from '../../errors.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { buildIfSourcesAreHere } from '../handler-folder.ts';
import type { DoctorLine } from './line.ts';

/** Every handler by itself, so that one that cannot be admitted hides no other. */
export async function examineHandlers(
  { catalog }: Config,
  sandbox: Sandbox,
): Promise<{ readonly lines: readonly DoctorLine[]; readonly entries: readonly CatalogEntry[] }> {
  const entries: CatalogEntry[] = [];
  const lines: DoctorLine[] = [];
  const refused = (subject: string, error: unknown) =>
    lines.push({ area: 'handlers', subject, status: 'error', detail: messageOf(error) });
  for (const root of [...(catalog.builtin ? [BUILTIN_FOLDER] : []), ...catalog.folders]) {
    const folders = await handlerFolders(root).catch((error: unknown) => {
      refused(root, error);
      return [];
    });
    for (const folder of folders) {
      try {
        await buildIfSourcesAreHere([folder]);
        const entry = await loadHandler(folder, sandbox.admit);
        entries.push(entry);
        lines.push(admittedLine(entry));
      } catch (error) {
        refused(basename(folder), error);
      }
    }
  }
  return { lines, entries };
}

function admittedLine({ name, version, artifact }: CatalogEntry): DoctorLine {
  const needs = artifact.capabilities.length === 0 ? '' : `, needs ${artifact.capabilities.join(', ')}`;
  return {
    area: 'handlers',
    subject: `${name}@${version}`,
    status: 'ok',
    detail: `${artifact.digest}${needs}`,
  };
}
