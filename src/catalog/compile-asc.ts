import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { BrokerError, messageOf } from '../errors.ts';
import { type CompileSources, SDK_FOLDER } from './compile-sources.ts';

/** Version that the SDK is tested with. */
const COMPILER_VERSION = '0.28.20';
const TRANSFORM_URL = new URL('transform.mjs', pathToFileURL(SDK_FOLDER));
/** Lists more than this help nobody. */
const MAX_REPORTED_ERRORS = 20;

/** `DiagnosticCategory.Error` of asc. */
const ERROR_CATEGORY = 3;

type Asc = typeof import('assemblyscript/asc');

/** The AssemblyScript compiler, loaded. */
export interface Compiler {
  /** Compiles `entry` to `output`, with the SDK's transform where it is used; rejects with ERR_HANDLER_BUILD. */
  compile(
    sources: CompileSources,
    entry: string,
    output: string,
    flags: readonly string[],
    usesSdk: boolean,
  ): Promise<{ readonly wasm: Uint8Array; readonly sourceMap: string | null }>;
}

/** asc keeps state outside its calls, so one compilation runs at a time. */
let queue: Promise<unknown> = Promise.resolve();

/**
 * Loads the compiler on first use: it is a development dependency of 100 MB that a broker does not need.
 *
 * @throws BrokerError ERR_MISSING_DEPENDENCY when it is not installed.
 */
export async function loadCompiler(): Promise<Compiler> {
  const asc = await importCompiler();
  return {
    compile: (...args) => {
      const run = queue.then(() => compile(asc, ...args));
      queue = run.catch(() => undefined);
      return run;
    },
  };
}

/** Version of the installed compiler, without loading it; null when there is none. */
export async function compilerVersion(): Promise<string | null> {
  try {
    const text = await readFile(new URL(import.meta.resolve('assemblyscript/package.json')), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return null;
  }
}

async function importCompiler(): Promise<Asc> {
  try {
    return await import('assemblyscript/asc');
  } catch (cause) {
    throw new BrokerError(
      'ERR_MISSING_DEPENDENCY',
      `the AssemblyScript compiler is not installed; run: npm install --save-dev assemblyscript@${COMPILER_VERSION}`,
      { cause },
    );
  }
}

async function compile(
  asc: Asc,
  sources: CompileSources,
  entry: string,
  output: string,
  flags: readonly string[],
  usesSdk: boolean,
): Promise<{ wasm: Uint8Array; sourceMap: string | null }> {
  const written = new Map<string, Uint8Array | string>();
  const errors: string[] = [];
  const transforms = usesSdk ? [((await import(TRANSFORM_URL.href)) as { default: never }).default] : [];
  const result = await asc.main([entry, '--outFile', output, '--sourceMap', ...flags], {
    stdout: { write: () => undefined } as never,
    stderr: { write: () => undefined } as never,
    readFile: sources.read,
    writeFile: (name, contents) => void written.set(name, contents),
    listFiles: () => [],
    transforms,
    reportDiagnostic: (diagnostic) => {
      if (diagnostic.category === ERROR_CATEGORY) errors.push(describe(diagnostic, sources));
    },
  });
  const wasm = written.get(output);
  if (result.error !== null || !(wasm instanceof Uint8Array)) {
    const text = errors.slice(0, MAX_REPORTED_ERRORS).join('\n') || messageOf(result.error);
    throw new BrokerError('ERR_HANDLER_BUILD', text, { cause: result.error ?? undefined });
  }
  const sourceMap = written.get(`${output}.map`);
  return { wasm, sourceMap: typeof sourceMap === 'string' ? sourceMap : null };
}

type Diagnostic = Parameters<NonNullable<NonNullable<Parameters<Asc['main']>[1]>['reportDiagnostic']>>[0];

/** `file:line:column: message`. */
function describe(diagnostic: Diagnostic, sources: CompileSources): string {
  const { range } = diagnostic;
  // What asc puts before the messages of a transform.
  const message = diagnostic.message.replace(/^User-defined: /, '');
  if (range === null) return message;
  const path = range.source.normalizedPath;
  const before = sources.textOf(path)?.slice(0, range.start).split('\n');
  if (before === undefined) return `${path}: ${message}`;
  return `${path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${message}`;
}
