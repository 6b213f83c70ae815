import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../../src/catalog/compile.ts';
import { type BareInvocation, type BareResult, instantiateBare } from '../support/bare-guest.ts';

export const HANDLER_NAMES = [
  'http_request',
  'validate',
  'transform',
  'aggregate',
  'decide',
  'notify',
] as const;
export type HandlerName = (typeof HANDLER_NAMES)[number];

/** Folder of a catalog handler. */
export function handlerFolder(name: HandlerName): string {
  return fileURLToPath(new URL(`../../handlers-wasm/${name}`, import.meta.url));
}

/** The compiled module of a catalog handler. */
export async function handlerModule(name: HandlerName): Promise<WebAssembly.Module> {
  const folder = handlerFolder(name);
  await ensureBuilt([folder]);
  return new WebAssembly.Module(await readFile(`${folder}/handler.wasm`));
}

/** A document as it is, for `loadHandler`'s function. */
export function document(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A function that runs a catalog handler on a JSON value, or on a document whose exact text matters. */
export async function loadHandler(
  name: HandlerName,
): Promise<(input: unknown, config: unknown, http?: BareInvocation['http']) => BareResult> {
  const module = await handlerModule(name);
  return (input, config, http) =>
    instantiateBare(module, {
      input: input instanceof Uint8Array ? input : JSON.stringify(input),
      config: JSON.stringify(config),
      ...(http === undefined ? {} : { http }),
    });
}

/** The output as a value; fails the test with the handler's failure when there is none. */
export function outputOf(result: BareResult): unknown {
  if (result.output === null) throw new Error(`expected an output, got ${JSON.stringify(result.failure)}`);
  return JSON.parse(result.output);
}
