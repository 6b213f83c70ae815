import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokerError, messageOf } from '../errors.ts';

const COMPILER_VERSION = '0.4.5';
export const COMPONENT_ENTRY_FILE = 'handler.js';
/** The published world: beside `src/` in the checkout, beside `dist/` in the installed package. */
const WIT_FILE = 'handler.wit';
const WIT = fileURLToPath(new URL(`../../wit/${WIT_FILE}`, import.meta.url));

type Componentize = typeof import('componentize-qjs');

/**
 * Compiles DIR/handler.js to a component: the source and QuickJS, which is to run it. WASI is stubbed, so that there is
 * nothing to import but the world in wit/handler.wit.
 *
 * @throws BrokerError ERR_HANDLER_BUILD, ERR_MISSING_DEPENDENCY without the compiler.
 */
export async function compileComponent(folder: string): Promise<Uint8Array> {
  const entry = join(folder, COMPONENT_ENTRY_FILE);
  const { componentize } = await importCompiler();
  const witPath = await mkdtemp(join(tmpdir(), 'wasm-broker-wit-'));
  try {
    await writeFile(join(witPath, WIT_FILE), worldFor(await sourcesIn(folder), await readFile(WIT, 'utf8')));
    const { component } = await componentize({
      witPath,
      world: 'handler',
      jsSource: await readFile(entry, 'utf8'),
      jsPath: entry,
      moduleRoot: folder,
      stubWasi: true,
      sync: true,
      optSize: true,
    });
    return component;
  } catch (error) {
    throw new BrokerError('ERR_HANDLER_BUILD', `${entry}: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(witPath, { recursive: true });
  }
}

async function sourcesIn(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.js'));
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
}

/**
 * The published package with only those imports in its world that the sources name: an engine imports all that its world
 * has, and each would have to be granted.
 */
function worldFor(sources: string, wit: string): string {
  const used = new Set([...sources.matchAll(/tasker:catalog\/([a-z-]+)@/g)].map((match) => match[1]));
  return wit.replace(/^ {2}import ([a-z-]+);\n/gm, (line, name: string) => (used.has(name) ? line : ''));
}

async function importCompiler(): Promise<Componentize> {
  try {
    return await import('componentize-qjs');
  } catch (cause) {
    const message = `the compiler for JavaScript components is not installed; run: npm install --save-dev componentize-qjs@${COMPILER_VERSION}`;
    throw new BrokerError('ERR_MISSING_DEPENDENCY', message, { cause });
  }
}
