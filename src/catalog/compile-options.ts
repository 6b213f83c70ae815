import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { BrokerError, messageOf } from '../errors.ts';
import { ABI, type Abi } from '../model/abi.ts';
import { readManifest } from './load.ts';

/**
 * Memory runtimes of AssemblyScript. `incremental` collects garbage; `minimal` and `stub` never do: smaller and
 * faster, for handlers that end before garbage matters.
 */
const RUNTIMES = ['incremental', 'minimal', 'stub'] as const;
export type CompileRuntime = (typeof RUNTIMES)[number];

const OPTIONS_FILE = 'asconfig.json';

/** The part of AssemblyScript's project file that a handler may use. Other options could run code at build time. */
const ProjectFile = z.strictObject({
  options: z.strictObject({ runtime: z.enum(RUNTIMES).optional() }).optional(),
});

/** The runtime that DIR/asconfig.json names, else `incremental`. */
export async function readRuntime(dir: string): Promise<CompileRuntime> {
  const path = join(dir, OPTIONS_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return 'incremental';
  }
  try {
    return ProjectFile.parse(JSON.parse(text)).options?.runtime ?? 'incremental';
  } catch (error) {
    const expected = `expected {"options": {"runtime": ${RUNTIMES.map((name) => `"${name}"`).join(' | ')}}}`;
    throw new BrokerError('ERR_HANDLER_BUILD', `${path}: ${expected}: ${messageOf(error)}`, { cause: error });
  }
}

/** The ABI that DIR/manifest.json names, else that of the SDK. */
export async function readAbi(dir: string): Promise<Abi> {
  return existsSync(join(dir, 'manifest.json')) ? (await readManifest(dir)).abi : ABI;
}
