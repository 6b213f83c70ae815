import { readFile } from 'node:fs/promises';
import { type CatalogEntry, createCatalog } from '../../catalog/catalog.ts';
import { checkTemplateText } from '../../check/check-template.ts';
import type { Config } from '../../config.ts';
import { messageOf } from '../../errors.ts';
import { templateFiles } from '../../tasker/read-template.ts';
import type { DoctorLine } from './line.ts';

/** Every template that the broker would register; what is wrong with one is `wasm-broker check`'s to say. */
export async function examineTemplates(
  config: Config,
  entries: readonly CatalogEntry[],
): Promise<readonly DoctorLine[]> {
  const lines = await Promise.all(
    config.worker.templates.map((path) =>
      examineAll(path, config, entries).catch((error: unknown): readonly DoctorLine[] => [
        { area: 'templates', subject: path, status: 'error', detail: messageOf(error) },
      ]),
    ),
  );
  return lines.flat();
}

async function examineAll(
  path: string,
  config: Config,
  entries: readonly CatalogEntry[],
): Promise<readonly DoctorLine[]> {
  const catalog = createCatalog(entries);
  return Promise.all(
    (await templateFiles(path)).map(async (file): Promise<DoctorLine> => {
      const { name, findings } = checkTemplateText(await readFile(file, 'utf8'), { catalog, config });
      const errors = findings.filter(({ severity }) => severity === 'error').length;
      const subject = name ?? file;
      return errors === 0
        ? { area: 'templates', subject, status: 'ok', detail: file }
        : {
            area: 'templates',
            subject,
            status: 'error',
            detail: `${errors} errors; wasm-broker check ${file} shows them`,
          };
    }),
  );
}
