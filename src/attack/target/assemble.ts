import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileHandler } from '../../catalog/compile.ts';
import { BrokerError } from '../../errors.ts';
import { ABI, type Abi, COMPONENT_ABI, PLAIN_ABI } from '../../model/abi.ts';
import type { ModuleSource } from '../attack.ts';
import { coreText } from '../guests/component.ts';
import { plainText } from '../guests/plain.ts';
import { type ComponentBuilder, loadComponentBuilder, renamed } from './build-component.ts';

/** What builds the modules; a broker needs none of it but jco, and that only where it runs components. */
export const COMPILERS = Object.freeze([
  { name: 'assemblyscript', version: '0.28.20', builds: () => true },
  { name: 'wabt', version: '1.0.39', builds: () => true },
  {
    name: '@bytecodealliance/jco-transpile',
    version: '0.15.0',
    builds: (sources: readonly ModuleSource[]) => sources.some(isComponent),
  },
]);

/** Builds modules; the same source once. */
export type Assemble = (source: ModuleSource) => Promise<Uint8Array>;

/**
 * Loads what builds these modules; jco only where there are components among them.
 *
 * @throws BrokerError ERR_MISSING_DEPENDENCY that names those that are missing, with the command that brings them.
 */
export async function loadAssembler(sources: readonly ModuleSource[]): Promise<Assemble> {
  requireCompilers(sources);
  const fromText = await loadTextCompiler();
  const builder = once(loadComponentBuilder);
  const built = new Map<string, Promise<Uint8Array>>();
  return async (source) => {
    if ('bytes' in source) return source.bytes();
    if ('wat' in source) return fromText(source.wat);
    if ('plain' in source) return fromText(plainText(source.plain));
    if ('component' in source) return component(await builder(), fromText, source);
    if ('componentText' in source) return (await builder()).fromText(source.componentText);
    const known = built.get(source.assemblyscript) ?? compileSource(source.assemblyscript);
    built.set(source.assemblyscript, known);
    return known;
  };
}

/** What a manifest has to say of the module. */
export function abiOf(source: ModuleSource): Abi {
  if ('plain' in source) return PLAIN_ABI;
  return isComponent(source) ? COMPONENT_ABI : ABI;
}

function isComponent(source: ModuleSource): boolean {
  return 'component' in source || 'componentText' in source;
}

async function component(
  builder: ComponentBuilder,
  fromText: (text: string) => Uint8Array,
  { component: parts, renamed: names }: Extract<ModuleSource, { component: unknown }>,
): Promise<Uint8Array> {
  const bytes = await builder.around(fromText(coreText(parts)), parts.wit);
  return names === undefined ? bytes : renamed(bytes, ...names);
}

async function loadTextCompiler(): Promise<(text: string) => Uint8Array> {
  const { default: initialize } = await import('wabt');
  const wabt = await initialize();
  return (text) => {
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
}

/** Throws ERR_MISSING_DEPENDENCY for what cannot be found from the file at `from`. */
export function requireCompilers(sources: readonly ModuleSource[], from = import.meta.url): void {
  const missing = COMPILERS.filter(({ name, builds }) => builds(sources) && !isInstalled(name, from));
  if (missing.length === 0) return;
  const packages = missing.map(({ name, version }) => `${name}@${version}`).join(' ');
  throw new BrokerError(
    'ERR_MISSING_DEPENDENCY',
    `the attacks are built with ${missing.map(({ name }) => name).join(' and ')}; install with: npm install --no-save ${packages}`,
  );
}

function isInstalled(name: string, from: string): boolean {
  try {
    return findPackageJSON(name, from) !== undefined;
  } catch {
    return false;
  }
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | null = null;
  return () => (made ??= make());
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
