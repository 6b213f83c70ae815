import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokerError, messageOf } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { Manifest } from '../model/manifest.ts';
import { parseOrThrow } from '../model/parse.ts';
import type { Artifact } from './artifact.ts';
import type { CatalogEntry } from './catalog.ts';
import { compileConfigSchema, compileHandlerSchema } from './config-schema.ts';
import type { AnySchemaCheck } from './json-schema.ts';
import { withSourceMap } from './source-map.ts';

/** Checks, meters and compiles a module; the sandbox's `admit`. */
export type Admit = (bytes: Uint8Array, manifest: Manifest) => Promise<Artifact>;

/** The handlers that come with the package. */
export const BUILTIN_FOLDER = fileURLToPath(new URL('../../handlers-wasm', import.meta.url));

/** The handler folders below `folder`: those with a manifest. */
export async function handlerFolders(folder: string): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new BrokerError('ERR_CATALOG_INVALID', `catalog folder ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  });
  return found
    .filter((item) => item.isDirectory() && existsSync(join(folder, item.name, 'manifest.json')))
    .map((item) => join(folder, item.name))
    .sort();
}

/** Loads one built handler: manifest.json, handler.wasm and the schemas of its configuration and output. */
export async function loadHandler(folder: string, admit: Admit): Promise<CatalogEntry> {
  const manifest = await readManifest(folder);
  const bytes = await readFile(join(folder, 'handler.wasm')).catch((error: unknown) => {
    const message = `${folder}: handler.wasm is missing; build it with: wasm-broker build ${folder}`;
    throw new BrokerError('ERR_CATALOG_INVALID', message, { cause: error });
  });
  const artifact = await withSourceMap(await admit(bytes, manifest), join(folder, 'handler.wasm.map'));
  const schema = manifest.config === undefined ? {} : await readJson(join(folder, manifest.config));
  const checkConfig = await compileConfigSchema(manifest.name, schema);
  const checkOutput = manifest.output === undefined ? null : await loadOutputSchema(folder, manifest);
  const { name, version } = manifest;
  return Object.freeze({ name, version, artifact, checkConfig, configSchema: schema, checkOutput });
}

async function loadOutputSchema(folder: string, { name, output }: Manifest): Promise<AnySchemaCheck> {
  return compileHandlerSchema('output', name, await readJson(join(folder, output ?? '')));
}

/** manifest.json of a handler's folder. */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, 'manifest.json');
  return parseOrThrow(Manifest, await readJson(file), 'ERR_MANIFEST_INVALID', file);
}

async function readJson(file: string): Promise<JsonObject> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw new BrokerError('ERR_MANIFEST_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new BrokerError('ERR_MANIFEST_INVALID', `${file}: expected a JSON object`);
}
