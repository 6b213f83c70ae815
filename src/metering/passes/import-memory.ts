import { MeteringError } from '../errors.ts';
import { type MeterLimits, resolveLimits } from '../limits.ts';
import { parseModule } from '../module.ts';
import { assemble, extendVector, SECTION } from '../sections.ts';
import type { Writer } from '../writer.ts';

/**
 * Turns the one memory that a module defines into an import with the same limits, so that the host can hand it a
 * recycled one. Its index stays 0: exports, code and data segments go on working. A module without exactly one
 * memory of its own is refused (`conflict-memory`). Throws `MeteringError`.
 */
export function importMemory(
  bytes: Uint8Array,
  options: { readonly module: string; readonly name: string; readonly limits?: Partial<MeterLimits> },
): Uint8Array {
  const module = parseModule(bytes, resolveLimits(options.limits));
  const [memory] = module.memories;
  if (memory === undefined || module.memories.length !== 1 || module.imported.memory !== 0) {
    const message = `expected one memory of its own, got ${module.memories.length} (${module.imported.memory} imported)`;
    throw new MeteringError('conflict-memory', message);
  }
  const imports = module.sections.find((section) => section.id === SECTION.import);
  const content = extendVector(module.bytes, imports, 1, (out) => {
    const MEMORY = 2;
    out.name(options.module);
    out.name(options.name);
    out.byte(MEMORY);
    out.copy(module.bytes, memory.start, memory.end);
  });
  const replaced = new Map<number, Writer | undefined>([
    [SECTION.import, content],
    [SECTION.memory, undefined],
  ]);
  return assemble(module.bytes, module.sections, replaced).bytes;
}
