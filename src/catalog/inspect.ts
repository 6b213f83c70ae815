import { describeModule, type ImportDescription, type ModuleDescription } from '../metering/index.ts';
import { ABI_ENTRY, ABI_IMPORTS, ABI_MEMORY, type AbiFunction, type CapabilityName } from '../model/abi.ts';
import type { Limits } from '../model/limits.ts';
import { type Refusal, refuse, type Verdict } from '../model/verdict.ts';
import { meteringRefusal } from './metering-refusal.ts';

/** What kind of memory it is, and how large it starts, is judged below, by the ABI and by the operator's limit. */
const ANY_MEMORY = Object.freeze({ limits: { memoryMinPages: 65_536, memoryMaxPages: 2 ** 48 } });

/** What a module shows of itself, when it keeps to the guest ABI. */
export interface Inspected {
  readonly description: ModuleDescription;
  /** Derived from the imports: what it needs to run. */
  readonly capabilities: readonly CapabilityName[];
  /** It imports a call that leaves the sandbox. */
  readonly suspends: boolean;
}

/** The verdict on a module's outside: imports, exports and memory against `tasker-core/1`. Runs and compiles nothing. */
export function inspectModule(bytes: Uint8Array, limits: Limits): Verdict<Inspected> {
  const described = describe(bytes);
  if (!described.allowed) return described;
  const { description } = described;
  const imported: AbiFunction[] = [];
  for (const item of description.imports) {
    const found = abiFunctionOf(item);
    if ('code' in found) return found;
    imported.push(found);
  }
  const fault = exportFault(description) ?? memoryFault(description, limits);
  if (fault !== null) return fault;
  const capabilities = imported.flatMap(({ capability }) => (capability === null ? [] : [capability]));
  return {
    allowed: true,
    description,
    capabilities: [...new Set(capabilities)].sort(),
    suspends: imported.some(({ servedBy }) => servedBy === 'broker'),
  };
}

// untrusted: the first look at a module's bytes
/** Imports, exports and memories of a module, or why its bytes cannot be read. */
export function describe(bytes: Uint8Array): Verdict<{ readonly description: ModuleDescription }> {
  try {
    return { allowed: true, description: describeModule(bytes, ANY_MEMORY) };
  } catch (error) {
    return meteringRefusal(error);
  }
}

function abiFunctionOf(item: ImportDescription): AbiFunction | Refusal {
  const name = `${item.module}.${item.name}`.slice(0, 120);
  const known = ABI_IMPORTS.find((entry) => entry.module === item.module && entry.name === item.name);
  if (known === undefined) {
    const message = `unknown import ${name}; a module may import only the functions of the guest ABI (docs/abi.md)`;
    return refuse('ERR_IMPORT_UNKNOWN', message, { import: name });
  }
  if (item.kind === 'function' && same(item.params, known.params) && same(item.results, known.results))
    return known;
  const got = item.kind === 'function' ? signature(item.params, item.results) : `a ${item.kind}`;
  const message = `import ${name}: expected ${signature(known.params, known.results)}, got ${got}`;
  return refuse('ERR_IMPORT_UNKNOWN', message, { import: name });
}

function exportFault({ exports }: ModuleDescription): Refusal | null {
  const memory = exports.find(({ name }) => name === ABI_MEMORY);
  if (memory?.kind !== 'memory') {
    return refuse('ERR_EXPORT_MISSING', `the module must export its memory as "${ABI_MEMORY}"`, {
      export: ABI_MEMORY,
    });
  }
  const entry = exports.find(({ name }) => name === ABI_ENTRY);
  if (entry?.kind === 'function' && entry.params.length === 0 && same(entry.results, ['i32'])) return null;
  const got = entry === undefined ? 'no export of that name' : entry.kind;
  const message = `the module must export a function "${ABI_ENTRY}" of type () -> (i32); got ${entry?.kind === 'function' ? signature(entry.params, entry.results) : got}`;
  return refuse('ERR_EXPORT_MISSING', message, { export: ABI_ENTRY });
}

function memoryFault({ memories }: ModuleDescription, limits: Limits): Refusal | null {
  const [memory, ...more] = memories;
  if (memory === undefined || more.length > 0) {
    return refuse('ERR_MODULE_UNSUPPORTED', `expected one memory, got ${memories.length}`);
  }
  if (memory.addressType === 'i64') {
    return refuse(
      'ERR_MODULE_UNSUPPORTED',
      'expected a memory with 32-bit addresses, got one with 64-bit addresses',
    );
  }
  if (memory.minPages <= limits.memory_pages) return null;
  const message = `the module starts with ${memory.minPages} pages of memory; limits.memory_pages allows ${limits.memory_pages}`;
  return refuse('ERR_MEMORY_MINIMUM', message, {
    limit: 'memory_pages',
    allowed: limits.memory_pages,
    used: memory.minPages,
  });
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((type, index) => type === b[index]);
}

function signature(params: readonly string[], results: readonly string[]): string {
  return `(${params.join(' ')}) -> (${results.join(' ')})`;
}
