import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** One way to run the echo. `run` gives the output document. */
export interface Peer {
  readonly name: string;
  /** Whether every call finds the state of a new sandbox. */
  readonly fresh: boolean;
  readonly run: (input: string) => string | Promise<string>;
  readonly close?: () => unknown;
}

const require = createRequire(new URL('./package.json', import.meta.url));

/** The peers are not dependencies of this project: `cd bench/peers && npm install`. */
export async function fromPeers<Module>(name: string): Promise<Module> {
  const loaded = (await import(pathToFileURL(require.resolve(name)).href)) as { default?: Module };
  return loaded.default ?? (loaded as Module);
}

/** The version that is installed. */
export function versionOf(name: string): string {
  return (require(`./node_modules/${name}/package.json`) as { version: string }).version;
}

/** The handler of the peers that run JavaScript. */
export const JS_HANDLER = 'globalThis.handle = (input) => input;';
