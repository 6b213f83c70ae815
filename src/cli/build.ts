import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { buildHandler } from '../catalog/compile.ts';
import { handlerFolders } from '../catalog/load.ts';
import { formatBytes, formatMs } from './render/table.ts';

const SOURCES = ['handler.ts', 'handler.js'];

/** `wasm-broker build`: compiles handlers. */
export function buildCommand(program: Command): void {
  program
    .command('build')
    .description('compile a handler written in AssemblyScript or JavaScript, or every handler in a folder')
    .argument('<dir>', 'folder with handler.ts or handler.js and manifest.json, or a folder of such folders')
    .action(async (dir: string) => {
      const isHandler = SOURCES.some((file) => existsSync(join(dir, file)));
      const folders = isHandler ? [dir] : await handlerFolders(dir);
      for (const folder of folders) {
        const { wasm, durationMs } = await buildHandler(folder);
        process.stdout.write(
          `${join(folder, 'handler.wasm')}  ${formatBytes(wasm.byteLength)}  ${formatMs(durationMs)}\n`,
        );
      }
    });
}
