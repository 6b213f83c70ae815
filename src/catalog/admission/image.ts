import {
  exportMutableGlobals,
  globalExport,
  hasNumericGlobals,
  type InstanceImage,
  type Metered,
  RESTORE_EXPORT,
  withImage,
} from '../../metering/index.ts';
import { ABI_IMPORTS } from '../../model/abi.ts';
import type { Limits } from '../../model/limits.ts';
import type { ModuleFacts, PreparedModule } from '../artifact.ts';
import { MEMORY_IMPORT } from './memory-import.ts';

/** A start function that needs more runs in every invocation, where its own limits hold. */
const START_FUEL_MAX = 100_000_000;
const START_DEPTH_BYTES = 64 * 1024;
/** Data that an image may carry, and memory that a module may start with to have one. */
const IMAGE_BYTES_MAX = 4 * 1024 * 1024;
const IMAGE_PAGES_MAX = 1024;

/**
 * The state before the first entry, taken once: from an instance whose start function ran under fuel. Null, and nothing
 * is prepared, where an instance that was put back to it could be told from a new one: when the code writes tables or
 * uses segments, when a mutable global is not a number, and when the start function called the host, ran out of
 * something, trapped, or was denied memory.
 */
export function takeImage(metered: Metered, facts: ModuleFacts, limits: Limits): PreparedModule['image'] {
  const { features } = metered.summary;
  if (features.includes('table-writes') || features.includes('segment-use')) return null;
  if (facts.memoryMinPages > IMAGE_PAGES_MAX || !hasNumericGlobals(metered.bytes)) return null;
  const started = startOnce(exportMutableGlobals(metered.bytes), facts, limits);
  if (started === null || started.image.memory.length > IMAGE_PAGES_MAX * 65_536) return null;
  const built = withImage(metered.bytes, started.image, { maxBytes: IMAGE_BYTES_MAX });
  if (built === null) return null;
  const imageFacts = {
    restoreExport: RESTORE_EXPORT,
    codeShift: built.codeShift,
    startFuel: started.fuel,
    depthBytes: facts.startExport === null ? 0 : START_DEPTH_BYTES,
    memoryMinPages: started.image.memory.length / 65_536,
  };
  return { facts: imageFacts, bytes: built.bytes };
}

interface Started {
  readonly image: InstanceImage;
  readonly fuel: number;
}

// untrusted: runs the start function of a module under fuel; whatever it does, the answer is an image or null
function startOnce(probe: Uint8Array<ArrayBuffer>, facts: ModuleFacts, limits: Limits): Started | null {
  const memory = new WebAssembly.Memory({ initial: facts.memoryMinPages, maximum: facts.memoryMaxPages });
  let callsHost = false;
  const refuse = (): number => {
    callsHost = true;
    return 0;
  };
  const fuel = Math.min(START_FUEL_MAX, limits.fuel);
  try {
    const module = new WebAssembly.Module(probe);
    const { exports } = new WebAssembly.Instance(module, importsOf(refuse, memory));
    const fuelLeft = exports[facts.fuelExport] as WebAssembly.Global<'i64'>;
    fuelLeft.value = BigInt(fuel);
    (exports[facts.depthExport] as WebAssembly.Global<'i32'>).value =
      START_DEPTH_BYTES - facts.uncountedBytes;
    if (facts.startExport !== null) (exports[facts.startExport] as () => void)();
    const deniedGrow = facts.deniedGrowExport === null ? 0 : globalValue(exports, facts.deniedGrowExport);
    if (callsHost || fuelLeft.value < 0n || deniedGrow < 0) return null;
    const globals = valuesOf(exports);
    return { image: { memory: new Uint8Array(memory.buffer), globals }, fuel: fuel - Number(fuelLeft.value) };
  } catch {
    return null;
  }
}

function importsOf(refuse: () => number, memory: WebAssembly.Memory): WebAssembly.Imports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = Object.create(null);
  for (const { module, name } of ABI_IMPORTS) {
    imports[module] ??= Object.create(null) as Record<string, WebAssembly.ImportValue>;
    imports[module][name] = refuse;
  }
  imports[MEMORY_IMPORT.module] = { [MEMORY_IMPORT.name]: memory };
  return imports;
}

/** Values of the mutable globals, in the order of their indices. */
function valuesOf(exports: WebAssembly.Exports): (number | bigint)[] {
  const values: (number | bigint)[] = [];
  while (globalExport(values.length) in exports)
    values.push(globalValue(exports, globalExport(values.length)));
  return values;
}

function globalValue(exports: WebAssembly.Exports, name: string): number | bigint {
  return (exports[name] as WebAssembly.Global).value as number | bigint;
}
