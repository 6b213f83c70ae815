import {
  clampMemory,
  clampTable,
  describeModule,
  importMemory,
  type Metered,
  type ModuleDescription,
  meter,
} from '../../../metering/index.ts';
import type { Limits } from '../../../model/limits.ts';
import { type Refusal, refuse, type Verdict } from '../../../model/verdict.ts';
import type { CoreFacts } from '../../artifact.ts';
import { ANY_MEMORY } from '../../inspect.ts';
import { meteringRefusal } from '../../metering-refusal.ts';
import { MEMORY_IMPORT } from '../memory-import.ts';
import { TABLE_ELEMENTS_MAX } from '../table-elements-max.ts';

/** A core module of a component, ready to be compiled. */
export interface PreparedCore {
  readonly facts: CoreFacts;
  readonly metered: Metered;
}

/**
 * Names of imports and exports stand in the glue as JavaScript, in single quotes or behind a dot. Toolchains write
 * printable ASCII; what could end a string, a comment or a line is refused before there is any glue.
 */
const NAME = /^[A-Za-z0-9 !#$%&()*+,\-./:;<=>?@[\]^_{|}~]*$/;

/** The host's own names: only the sandbox hands in memories and counters. */
const RESERVED_MODULES: readonly string[] = [MEMORY_IMPORT.module];

// untrusted: bytes of a core module inside a component
/** The verdict on a core module's outside. */
export function inspectCore(bytes: Uint8Array): Verdict<{ readonly description: ModuleDescription }> {
  try {
    const description = describeModule(bytes, ANY_MEMORY);
    return nameFault(description) ?? memoryFault(description) ?? { allowed: true, description };
  } catch (error) {
    return meteringRefusal(error);
  }
}

/** Clamps memories and tables, has a memory of its own handed in, and meters with the counters that all cores share. */
export function prepareCore(
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  description: ModuleDescription,
  limits: Limits,
): Verdict<{ readonly core: PreparedCore }> {
  try {
    const clamped = clampTable(clampMemory(bytes, { maxPages: limits.memory_pages }), {
      maxElements: TABLE_ELEMENTS_MAX,
    });
    const memory = ownMemories(description)[0] ?? null;
    const metered = meter(memory === null ? clamped : importMemory(clamped, MEMORY_IMPORT), {
      counters: 'import',
    });
    const facts: CoreFacts = {
      name,
      memoryMinPages: memory?.minPages ?? null,
      memoryMaxPages: Math.min(memory?.maxPages ?? limits.memory_pages, limits.memory_pages),
      startExport: metered.startExport ?? null,
    };
    return { allowed: true, core: { facts, metered } };
  } catch (error) {
    return meteringRefusal(error);
  }
}

function nameFault({ imports, exports }: ModuleDescription): Refusal | null {
  const names = [...imports.flatMap((item) => [item.module, item.name]), ...exports.map(({ name }) => name)];
  const wrong = names.find((name) => !NAME.test(name) || name === '__proto__');
  if (wrong !== undefined) {
    const message = `expected names of imports and exports in printable ASCII without quotes and backslashes, got ${JSON.stringify(wrong.slice(0, 60))}`;
    return refuse('ERR_MODULE_UNSUPPORTED', message);
  }
  const reserved = imports.find(({ module }) => RESERVED_MODULES.includes(module));
  if (reserved === undefined) return null;
  return refuse('ERR_IMPORT_UNKNOWN', `imports from the module "${reserved.module}" are the host's own`);
}

function memoryFault(description: ModuleDescription): Refusal | null {
  if (description.memories.some(({ addressType }) => addressType === 'i64')) {
    const message = 'expected memories with 32-bit addresses, got one with 64-bit addresses';
    return refuse('ERR_MODULE_UNSUPPORTED', message);
  }
  if (description.memories.length <= 1) return null;
  const message = `expected at most one memory in each core module of a component, got ${description.memories.length}`;
  return refuse('ERR_MODULE_UNSUPPORTED', message);
}

function ownMemories({ memories, imports }: ModuleDescription): ModuleDescription['memories'] {
  return memories.slice(imports.filter(({ kind }) => kind === 'memory').length);
}
