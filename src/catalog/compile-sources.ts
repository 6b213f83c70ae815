import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the AssemblyScript SDK: beside `src/` in the checkout, beside `dist/` in the installed package. */
export const SDK_FOLDER = fileURLToPath(new URL('../../assemblyscript/', import.meta.url));

/** How the compiler asks for a file of the SDK, wherever it looks for packages. */
const SDK_REQUEST = /(?:^|\/)node_modules\/tasker-wasm-broker\/assemblyscript(?:\.ts$|\/(.*)$)/;

/** The files of one compilation: maps the SDK's package name to its folder and remembers what was read. */
export class CompileSources {
  readonly #dir: string;
  readonly #texts = new Map<string, string>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads a file for the compiler; null when it does not exist. Names are relative to the handler's folder. */
  readonly read = async (name: string): Promise<string | null> => {
    const request = SDK_REQUEST.exec(name.replaceAll('\\', '/'));
    if (request !== null && request[1] === undefined) return null;
    const path = request?.[1] === undefined ? resolve(this.#dir, name) : join(SDK_FOLDER, request[1]);
    const text = await readTextOrNull(path);
    if (text !== null) this.#texts.set(path, text);
    return text;
  };

  /** Text of a file by the path that a diagnostic names it with; null for the compiler's own library. */
  textOf(normalizedPath: string): string | null {
    const inSdk = /^~lib\/tasker-wasm-broker\/assemblyscript\/(.*)$/.exec(normalizedPath)?.[1];
    const path = inSdk === undefined ? resolve(this.#dir, normalizedPath) : join(SDK_FOLDER, inSdk);
    return this.#texts.get(path) ?? null;
  }

  /** The files read, relative to the handler's folder and sorted; those of the SDK are left out. */
  get files(): readonly string[] {
    return [...this.#texts.keys()]
      .filter((path) => !path.startsWith(SDK_FOLDER))
      .map((path) => relative(this.#dir, path).split(sep).join('/'))
      .sort();
  }
}

async function readTextOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}

/** What a compiled handler was built from; stored in the module itself. */
export interface BuildRecord {
  /** SHA-256 over compiler version, options, SDK and sources. */
  readonly digest: string;
  /** Sources relative to the handler's folder. */
  readonly files: readonly string[];
}

/** Digest of everything that decides a build. A file that is gone counts as empty, so the digest differs. */
export async function digestBuild(
  dir: string,
  files: readonly string[],
  compiler: string,
  options: readonly string[],
): Promise<string> {
  const hash = createHash('sha256');
  const add = (text: string): void => {
    hash.update(`${Buffer.byteLength(text)}:`).update(text);
  };
  add(compiler);
  for (const option of options) add(option);
  for (const name of (await readdir(SDK_FOLDER, { recursive: true })).sort()) {
    if (!/\.(ts|mjs)$/.test(name)) continue;
    add(name.split(sep).join('/'));
    add((await readTextOrNull(join(SDK_FOLDER, name))) ?? '');
  }
  for (const name of files) {
    add(name);
    add((await readTextOrNull(resolve(dir, name))) ?? '');
  }
  return hash.digest('hex');
}
