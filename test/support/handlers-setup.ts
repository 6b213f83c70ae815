import { ensureBuilt } from '../../src/catalog/compile.ts';
import { BUILTIN_FOLDER, handlerFolders } from '../../src/catalog/load.ts';

/** Compiles the catalog once for the whole run; nothing to do when no source has changed. */
export default async function setup(): Promise<void> {
  await ensureBuilt(await handlerFolders(BUILTIN_FOLDER));
}
