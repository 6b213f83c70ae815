// Compiles the catalog's handlers; skips those whose sources have not changed.
import { ensureBuilt } from '../src/catalog/compile.ts';
import { BUILTIN_FOLDER, handlerFolders } from '../src/catalog/load.ts';

await ensureBuilt(await handlerFolders(BUILTIN_FOLDER));
