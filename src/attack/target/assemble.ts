import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileHandler } from '../../catalog/compile.ts';
import { BrokerError } from '../../errors.ts';
import type { ModuleSource } from '../attack.ts';

/** What builds the modules; no dependency of a broker. */
const COMPILERS = [
  { name: 'assemblyscript', version: '0.28.20', entry: 'assemblyscript/package.json' },
  { name: 'wabt', version: '1.0.39', entry: 'wabt/package.json' },
] as const;

/** Builds modules; the same source once. */
export type Assemble = (source: ModuleSource) => Promise<Uint8Array>;

/**
 * Loads the compilers.
 *
 * @throws BrokerError ERR_MISSING_DEPENDENCY that names those that are missing, with the command that brings them.
 */
export async function loadAssembler(): Promise<Assemble> {
  requireCompilers();
  const { default: initialize } = await import('wabt');
  const wabt = await initialize();
  const fromText = (text: string): Uint8Array => {
    const module = wabt.parseWat('attack.wat', text, {
      bulk_memory: true,
      multi_value: true,
      reference_types: true,
      exceptions: true,
    });
    try {
      module.resolveNames();
      module.validate();
      return module.toBinary({ write_debug_names: true }).buffer;
    } finally {
      module.destroy();
    }
  };
  const built = new Map<string, Promise<Uint8Array>>();
  return async (source) => {
    if ('bytes' in source) return source.bytes();
    if ('wat' in source) return fromText(source.wat);
    const known = built.get(source.assemblyscript) ?? compileSource(source.assemblyscript);
    built.set(source.assemblyscript, known);
    return known;
  };
}

function requireCompilers(): void {
  const { resolve } = createRequire(import.meta.url);
  const missing = COMPILERS.filter(({ entry }) => {
    try {
      resolve(entry);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  const wanted = missing.map(({ name, version }) => `${name}@${version}`).join(' ');
  throw new BrokerError(
    'ERR_MISSING_DEPENDENCY',
    `the attacks are built with ${missing.map(({ name }) => name).join(' and ')}; install with: npm install --no-save ${wanted}`,
  );
}

async function compileSource(source: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'wasm-broker-attack-'));
  try {
    await writeFile(join(folder, 'handler.ts'), source);
    return (await compileHandler(folder)).wasm;
  } finally {
    await rm(folder, { recursive: true });
  }
}
