import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BrokerError, messageOf } from '../errors.ts';
import { type Abi, PLAIN_ABI } from '../model/abi.ts';
import { compilerVersion, loadCompiler } from './compile-asc.ts';
import { COMPONENT_ENTRY_FILE, compileComponent } from './compile-component.ts';
import { type CompileRuntime, readAbi, readRuntime } from './compile-options.ts';
import {
  appendCustomSection,
  MANIFEST_SECTION,
  readCustomSection,
  SOURCE_SECTION,
} from './compile-section.ts';
import { type BuildRecord, CompileSources, digestBuild } from './compile-sources.ts';

const ENTRY_FILE = 'handler.ts';
const MODULE_FILE = 'handler.wasm';
const SOURCE_MAP_FILE = 'handler.wasm.map';

/** Flags of every build: fastest code, and a name section so that traps name functions. */
const FLAGS = ['-O3', '--debug', '--noColors', '--baseDir', '.'] as const;
/** Those of a handler without the SDK: what the host needs to hand it a string. */
const PLAIN_FLAGS = ['--exportRuntime'] as const;

/**
 * Memory to begin with: a step of 40 KB fits without growing it. A memory that grew cannot be used again and costs the
 * next step 100 µs; a page that nobody needed costs each step 0.6 µs.
 */
const INITIAL_MEMORY = ['--initialMemory', '4'] as const;
/** What the compiler says to a module whose own data is larger; it is then compiled with what it needs. */
const NEEDS_MORE_MEMORY = /pages of initial memory/;

export interface CompileOptions {
  /** Overrides DIR/asconfig.json; the default of both is `incremental`. */
  readonly runtime?: CompileRuntime;
}

export interface CompiledHandler {
  /** The module. The same sources give the same bytes. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** Source map, version 3: one line, columns are byte offsets in the module. */
  readonly sourceMap: string | null;
  /** What `@handler("…")` says; null without the SDK. */
  readonly name: string | null;
  readonly durationMs: number;
}

/**
 * Compiles DIR/handler.ts, or DIR/handler.js to a component, in this process, without writing anything.
 *
 * @throws BrokerError ERR_HANDLER_BUILD with `file:line:column` of each error, ERR_MISSING_DEPENDENCY without the
 *   compiler.
 */
export async function compileHandler(dir: string, options: CompileOptions = {}): Promise<CompiledHandler> {
  const folder = resolve(dir);
  if (existsSync(join(folder, COMPONENT_ENTRY_FILE))) return componentHandler(folder);
  await requireEntry(folder);
  const compiler = await loadCompiler();
  const abi = await readAbi(folder);
  const runtime = options.runtime ?? (await readRuntime(folder));
  const started = performance.now();
  const sources = new CompileSources(folder);
  const flags = [...flagsOf(abi), '--runtime', runtime];
  const compile = (more: readonly string[]) =>
    compiler.compile(sources, ENTRY_FILE, MODULE_FILE, [...flags, ...more], abi !== PLAIN_ABI);
  const built = await compile(INITIAL_MEMORY).catch((error: unknown) => {
    if (!NEEDS_MORE_MEMORY.test(messageOf(error))) throw error;
    return compile([]);
  });
  const manifest = readCustomSection(built.wasm, MANIFEST_SECTION);
  if (manifest === null && abi !== PLAIN_ABI)
    throw new BrokerError('ERR_HANDLER_BUILD', `${folder}: the module has no manifest`);
  const record: BuildRecord = {
    digest: await digestBuild(
      folder,
      sources.files,
      (await compilerVersion()) ?? 'unknown',
      digestedFlags(abi, runtime),
    ),
    files: sources.files,
  };
  return {
    wasm: appendCustomSection(built.wasm, SOURCE_SECTION, JSON.stringify(record)),
    sourceMap: built.sourceMap,
    name: manifest === null ? null : (JSON.parse(manifest) as { name: string }).name,
    durationMs: performance.now() - started,
  };
}

async function componentHandler(folder: string): Promise<CompiledHandler> {
  const started = performance.now();
  const wasm = new Uint8Array(await compileComponent(folder));
  return { wasm, sourceMap: null, name: null, durationMs: performance.now() - started };
}

function flagsOf(abi: Abi): readonly string[] {
  return abi === PLAIN_ABI ? [...FLAGS, ...PLAIN_FLAGS] : FLAGS;
}

function digestedFlags(abi: Abi, runtime: CompileRuntime): string[] {
  return [...flagsOf(abi), ...INITIAL_MEMORY, runtime];
}

/** Compiles the handler in DIR to DIR/handler.wasm and its source map. Readers see the old module or the new one. */
export async function buildHandler(dir: string, options: CompileOptions = {}): Promise<CompiledHandler> {
  const compiled = await compileHandler(dir, options);
  if (compiled.sourceMap !== null) await replaceFile(join(dir, SOURCE_MAP_FILE), compiled.sourceMap);
  await replaceFile(join(dir, MODULE_FILE), compiled.wasm);
  return compiled;
}

/**
 * True when DIR/handler.wasm does not exist or was built from something else than what is there now. Without the
 * compiler a module cannot be rebuilt, so an existing one counts as current.
 */
export async function isStale(dir: string): Promise<boolean> {
  const module = await readFile(join(dir, MODULE_FILE)).catch(() => null);
  if (module === null) return true;
  const record = parseRecord(readCustomSection(module, SOURCE_SECTION));
  if (record === null) return true;
  const version = await compilerVersion();
  if (version === null) return false;
  const flags = digestedFlags(await readAbi(dir), await readRuntime(dir));
  return (await digestBuild(resolve(dir), record.files, version, flags)) !== record.digest;
}

/** Builds those of the folders that are stale, one after another; returns them. */
export async function ensureBuilt(dirs: readonly string[]): Promise<readonly string[]> {
  const built: string[] = [];
  for (const dir of dirs) {
    if (!(await isStale(dir))) continue;
    await buildHandler(dir);
    built.push(dir);
  }
  return built;
}

async function requireEntry(folder: string): Promise<void> {
  const entry = join(folder, ENTRY_FILE);
  try {
    await access(entry);
  } catch (cause) {
    throw new BrokerError(
      'ERR_HANDLER_BUILD',
      `expected the source of a handler in ${entry}, got no such file`,
      {
        cause,
      },
    );
  }
}

function parseRecord(text: string | null): BuildRecord | null {
  try {
    const record: unknown = JSON.parse(text ?? 'null');
    if (typeof record !== 'object' || record === null || !('digest' in record) || !('files' in record))
      return null;
    const { digest, files } = record;
    return typeof digest === 'string' && Array.isArray(files) ? { digest, files: files.map(String) } : null;
  } catch {
    return null;
  }
}

/** Writes a file so that nobody ever reads half of it. */
async function replaceFile(path: string, contents: string | Uint8Array): Promise<void> {
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(draft, contents);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw new BrokerError('ERR_HANDLER_BUILD', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}
