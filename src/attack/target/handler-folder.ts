import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadHandlers } from '../../broker/load-handlers.ts';
import type { CatalogEntry } from '../../catalog/catalog.ts';
import type { Admit } from '../../catalog/load.ts';
import { createEvents, type Events } from '../../events.ts';
import { ABI, type Abi } from '../../model/abi.ts';
import type { GrantInput } from '../../model/grant.ts';
import type { JsonObject } from '../../model/json.ts';

/** A handler as an operator has it in a folder. */
export interface HandlerFiles {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Default: that of core modules. */
  readonly abi?: Abi;
  readonly requests?: readonly GrantInput[];
  readonly configSchema?: JsonObject | undefined;
  readonly outputSchema?: JsonObject | undefined;
}

const CONFIG_SCHEMA = 'config.schema.json';
const OUTPUT_SCHEMA = 'output.schema.json';

/** Writes a handler below `root` and loads it as a broker does when it starts. */
export async function addHandler(
  root: string,
  { name, bytes, abi = ABI, requests = [], configSchema, outputSchema }: HandlerFiles,
  admit: Admit,
  events: Events = createEvents(),
): Promise<CatalogEntry> {
  const folder = join(root, name);
  const manifest = {
    name,
    version: '1.0.0',
    abi,
    capabilities: requests,
    ...(configSchema !== undefined && { config: CONFIG_SCHEMA }),
    ...(outputSchema !== undefined && { output: OUTPUT_SCHEMA }),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'handler.wasm'), bytes);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  if (configSchema !== undefined) await writeFile(join(folder, CONFIG_SCHEMA), JSON.stringify(configSchema));
  if (outputSchema !== undefined) await writeFile(join(folder, OUTPUT_SCHEMA), JSON.stringify(outputSchema));
  const [entry] = await loadHandlers([folder], admit, events);
  if (entry === undefined) throw new Error('expected the entry of one handler');
  return entry;
}
