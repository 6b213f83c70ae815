import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompiledHandler, type CompileOptions, compileHandler } from '../../src/catalog/compile.ts';

/** Runs `use` with a folder that holds these files, and removes it afterwards. */
export async function withFolder<Result>(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'handler-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Compiles one AssemblyScript source that imports the SDK by its package name. */
export function compileSource(source: string, options: CompileOptions = {}): Promise<CompiledHandler> {
  return withFolder({ 'handler.ts': source }, (folder) => compileHandler(folder, options));
}

/** The compiled module of one source. */
export async function guestModule(source: string, options?: CompileOptions): Promise<WebAssembly.Module> {
  return new WebAssembly.Module((await compileSource(source, options)).wasm);
}
