import { MeteringError } from './errors.ts';
import { checkLimit, type MeterLimits } from './limits.ts';
import { Reader } from './reader.ts';
import { SECTION_READERS } from './section-readers.ts';
import { SECTION, type Section, splitSections } from './sections.ts';
import type { ModuleBuilder, ModuleSkeleton } from './skeleton.ts';
import { type LimitsType, maximumElements, maximumPages } from './types.ts';

/**
 * Reads an untrusted module up to its function bodies, within the limits. Time and memory are proportional to its
 * size. Throws `MeteringError`.
 */
export function parseModule(input: Uint8Array, limits: MeterLimits): ModuleSkeleton {
  // untrusted: guest bytes enter here.
  const bytes = ownBytes(input);
  const sections = splitSections(bytes, limits);
  const builder = emptyBuilder(limits);
  const reader = new Reader(bytes);
  for (const section of sections) {
    reader.seek(section.payload, section.end);
    if (section.id === SECTION.custom) builder.customSections.push(reader.name());
    else readSection(reader, section, builder);
  }
  checkCounts(builder, bytes.length);
  const startIsReferenced = builder.start !== undefined && builder.referenced.has(builder.start);
  return Object.freeze({ ...builder, startIsReferenced, bytes, sections });
}

/** The bytes, safe from another thread's writes: what is checked must be what is rewritten. */
function ownBytes(input: Uint8Array): Uint8Array {
  if (!(input instanceof Uint8Array)) throw new MeteringError('invalid-argument', 'expected a Uint8Array');
  return input.buffer instanceof ArrayBuffer ? input : new Uint8Array(input);
}

function emptyBuilder(limits: MeterLimits): ModuleBuilder {
  return {
    limits,
    types: [],
    imports: [],
    functions: [],
    tables: [],
    memories: [],
    globals: [],
    tags: [],
    exports: [],
    imported: { function: 0, table: 0, memory: 0, global: 0, tag: 0 },
    start: undefined,
    referenced: new Set(),
    globalReferences: [],
    elementSegments: 0,
    elementItems: 0,
    activeItems: 0,
    activeBytes: 0,
    dataSegments: 0,
    dataBytes: 0,
    dataCount: undefined,
    bodies: [],
    customSections: [],
  };
}

function readSection(reader: Reader, section: Section, builder: ModuleBuilder): void {
  SECTION_READERS[section.id]?.(reader, builder);
  if (reader.position !== section.end) {
    throw reader.malformed('malformed-section', `section ${section.id} has bytes after its content`);
  }
}

/** What two sections have to agree on, and the totals over imports and definitions. */
function checkCounts(builder: ModuleBuilder, end: number): void {
  const { limits, imported, functions, bodies, dataCount, dataSegments, memories, tables } = builder;
  if (functions.length - imported.function !== bodies.length) {
    throw new MeteringError('malformed-section', 'function and code section have different counts', end);
  }
  if (dataCount !== undefined && dataCount !== dataSegments) {
    throw new MeteringError('malformed-section', 'data count and data section disagree', end);
  }
  checkLimit(limits, 'memoryMinPages', total(memories, minimum));
  checkLimit(limits, 'tableMinElements', total(tables, minimum));
  checkLimit(limits, 'memoryMaxPages', total(memories, maximumPages));
  checkLimit(limits, 'tableMaxElements', total(tables, maximumElements));
}

const minimum = ({ min }: LimitsType): number => min;
const total = (items: readonly LimitsType[], of: (item: LimitsType) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);
