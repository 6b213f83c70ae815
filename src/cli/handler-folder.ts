import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureBuilt } from '../catalog/compile.ts';
import { BUILTIN_FOLDER, handlerFolders } from '../catalog/load.ts';
import { BrokerError } from '../errors.ts';

/** The folder of a handler given by path or by its name in the built-in catalog, built if it was not. */
export async function findHandlerFolder(handler: string): Promise<string> {
  const folder = existsSync(join(handler, 'manifest.json'))
    ? resolve(handler)
    : join(BUILTIN_FOLDER, handler);
  if (!existsSync(join(folder, 'manifest.json'))) {
    const names = (await handlerFolders(BUILTIN_FOLDER)).map((path) => path.split(/[\\/]/).at(-1));
    throw new BrokerError(
      'ERR_HANDLER_UNKNOWN',
      `no handler "${handler}"; the catalog has ${names.join(', ')}`,
    );
  }
  await buildIfSourcesAreHere([folder]);
  return folder;
}

/** In a checkout the built-in handlers are compiled on first use; the published package brings them compiled. */
export async function buildIfSourcesAreHere(folders: readonly string[]): Promise<void> {
  await ensureBuilt(folders.filter((folder) => existsSync(join(folder, 'handler.ts'))));
}
