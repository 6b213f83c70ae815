import { MeteringError } from '../errors.ts';
import { type MeterLimits, resolveLimits } from '../limits.ts';
import { parseModule } from '../module.ts';
import { assemble, SECTION, type Section } from '../sections.ts';
import type { ModuleSkeleton } from '../skeleton.ts';
import { HAS_MAXIMUM, type LimitsType, WIDE } from '../types.ts';
import { Writer } from '../writer.ts';

interface ClampOptions {
  readonly limits?: Partial<MeterLimits>;
}

/**
 * Lowers the maximum of every memory, imported ones included, to `maxPages`, and gives one to those that have none.
 * A minimum above it is refused (`limit-memory-min-pages`). Throws `MeteringError`.
 */
export function clampMemory(
  bytes: Uint8Array,
  options: ClampOptions & { readonly maxPages: number },
): Uint8Array {
  checkBound('maxPages', options.maxPages);
  const module = parseModule(bytes, resolveLimits(options.limits));
  const tooLarge = module.memories.find((memory) => memory.min > options.maxPages);
  if (tooLarge) {
    const message = `a memory starts with ${tooLarge.min} pages, at most ${options.maxPages} allowed`;
    throw new MeteringError('limit-memory-min-pages', message, tooLarge.start);
  }
  return clamp(module, module.memories, SECTION.memory, options.maxPages);
}

/** The same for tables and `maxElements` (`limit-table-min-elements`). Throws `MeteringError`. */
export function clampTable(
  bytes: Uint8Array,
  options: ClampOptions & { readonly maxElements: number },
): Uint8Array {
  checkBound('maxElements', options.maxElements);
  const module = parseModule(bytes, resolveLimits(options.limits));
  const tooLarge = module.tables.find((table) => table.min > options.maxElements);
  if (tooLarge) {
    const message = `a table starts with ${tooLarge.min} elements, at most ${options.maxElements} allowed`;
    throw new MeteringError('limit-table-min-elements', message, tooLarge.start);
  }
  return clamp(module, module.tables, SECTION.table, options.maxElements);
}

function checkBound(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return;
  throw new MeteringError('invalid-argument', `${name} must be a whole number below 2³², got ${value}`);
}

/** Rewrites the limits of the given items where they stand: in the import section and in their own. */
function clamp(
  module: ModuleSkeleton,
  items: readonly LimitsType[],
  sectionId: number,
  max: number,
): Uint8Array {
  const replaced = new Map<number, Writer>();
  for (const section of module.sections) {
    if (section.id !== SECTION.import && section.id !== sectionId) continue;
    const inside = items.filter((item) => item.start >= section.payload && item.end <= section.end);
    if (inside.length > 0) replaced.set(section.id, withLimits(module.bytes, section, inside, max));
  }
  return assemble(module.bytes, module.sections, replaced).bytes;
}

function withLimits(bytes: Uint8Array, section: Section, items: readonly LimitsType[], max: number): Writer {
  const out = new Writer(section.end - section.payload + 64);
  let copied = section.payload;
  for (const item of items) {
    out.copy(bytes, copied, item.start);
    out.byte(HAS_MAXIMUM | (item.wide ? WIDE : 0));
    out.u32(item.min);
    out.u32(Math.min(item.max ?? max, max));
    copied = item.end;
  }
  out.copy(bytes, copied, section.end);
  return out;
}
