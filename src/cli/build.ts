import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { buildHandler } from '../catalog/compile.ts';
import { handlerFolders } from '../catalog/load.ts';
import { formatBytes, formatMs } from './render/table.ts';

/** `wasm-broker build`: compiles handlers. */
export function buildCommand(program: Command): void {
  program
    .command('build')
    .description('compile a handler written in AssemblyScript, or every handler in a folder')
    .argument('<dir>', 'folder with handler.ts and manifest.json, or a folder of such folders')
    .action(async (dir: string) => {
      const folders = existsSync(join(dir, 'handler.ts')) ? [dir] : await handlerFolders(dir);
      for (const folder of folders) {
        const { wasm, durationMs } = await buildHandler(folder);
        process.stdout.write(
          `${join(folder, 'handler.wasm')}  ${formatBytes(wasm.byteLength)}  ${formatMs(durationMs)}\n`,
        );
      }
    });
}
