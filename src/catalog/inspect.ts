import { describeModule, type ImportDescription, type ModuleDescription } from '../metering/index.ts';
import { ABI_IMPORTS, type Abi, type AbiFunction, type CapabilityName, PLAIN_ABI } from '../model/abi.ts';
import type { Limits } from '../model/limits.ts';
import { type Refusal, refuse, type Verdict } from '../model/verdict.ts';
import { abiOf, signature } from './guest-exports.ts';
import { meteringRefusal } from './metering-refusal.ts';

/** What kind of memory it is, and how large it starts, is judged below, by the ABI and by the operator's limit. */
export const ANY_MEMORY = Object.freeze({ limits: { memoryMinPages: 65_536, memoryMaxPages: 2 ** 48 } });

/** What a module shows of itself, when it keeps to the guest ABI. */
export interface Inspected {
  readonly abi: Abi;
  readonly description: ModuleDescription;
  /** Derived from the imports: what it needs to run. */
  readonly capabilities: readonly CapabilityName[];
  /** It imports a call that leaves the sandbox. */
  readonly suspends: boolean;
}

/** The verdict on a module's outside: imports, exports and memory against the ABI it keeps to. Runs and compiles nothing. */
export function inspectModule(bytes: Uint8Array, limits: Limits): Verdict<Inspected> {
  const described = describe(bytes);
  if (!described.allowed) return described;
  const { description } = described;
  const kept = abiOf(description);
  const known = kept.allowed && kept.abi === PLAIN_ABI ? PLAIN_IMPORTS : ABI_IMPORTS;
  const imported: AbiFunction[] = [];
  for (const item of description.imports) {
    const found = abiFunctionOf(item, known);
    if ('code' in found) return found;
    imported.push(found);
  }
  if (!kept.allowed) return kept;
  const fault = memoryFault(description, limits);
  if (fault !== null) return fault;
  const capabilities = imported.flatMap(({ capability }) => (capability === null ? [] : [capability]));
  return {
    allowed: true,
    abi: kept.abi,
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

/** Plain AssemblyScript has no host calls; this is how it ends in an error. */
const PLAIN_IMPORTS = ABI_IMPORTS.filter(({ module }) => module === 'env');

function abiFunctionOf(item: ImportDescription, functions: readonly AbiFunction[]): AbiFunction | Refusal {
  const name = `${item.module}.${item.name}`.slice(0, 120);
  const known = functions.find((entry) => entry.module === item.module && entry.name === item.name);
  if (known === undefined) {
    const message =
      functions === PLAIN_IMPORTS
        ? `import ${name}: plain AssemblyScript has no host calls and may import only env.abort (docs/abi.md)`
        : `unknown import ${name}; a module may import only the functions of the guest ABI (docs/abi.md)`;
    return refuse('ERR_IMPORT_UNKNOWN', message, { import: name });
  }
  const got = item.kind === 'function' ? signature(item) : `a ${item.kind}`;
  if (got === signature(known)) return known;
  const message = `import ${name}: expected ${signature(known)}, got ${got}`;
  return refuse('ERR_IMPORT_UNKNOWN', message, { import: name });
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
