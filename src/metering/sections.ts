import { MeteringError } from './errors.ts';
import { checkLimit, type MeterLimits } from './limits.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

export const SECTION = Object.freeze({
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
});

/** Where each section belongs, indexed by its id (the ids are not in order). */
const RANK = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6];

export interface Section {
  readonly id: number;
  /** The id byte. */
  readonly start: number;
  /** The first byte after the size. */
  readonly payload: number;
  readonly end: number;
}

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Finds the sections of an untrusted module: each known, in order, once, and inside the module. */
export function splitSections(bytes: Uint8Array, limits: MeterLimits): Section[] {
  checkLimit(limits, 'moduleBytes', bytes.length);
  checkHeader(bytes);
  const reader = new Reader(bytes, HEADER.length);
  const sections: Section[] = [];
  let rank = 0;
  while (reader.position < bytes.length) {
    const start = reader.position;
    const id = reader.byte();
    const size = reader.u32();
    const payload = reader.position;
    reader.skip(size);
    if (id !== SECTION.custom) {
      rank = checkOrder(id, rank, start);
    }
    sections.push({ id, start, payload, end: reader.position });
  }
  return sections;
}

function checkHeader(bytes: Uint8Array): void {
  const version = bytes.length >= 8 ? HEADER.findIndex((byte, index) => bytes[index] !== byte) : 0;
  if (version === -1) return;
  // Components share the magic number and say 1 in the second half of the version.
  if (version >= 4 && bytes[6] === 1)
    throw new MeteringError('unsupported-component', 'this is a component', 4);
  throw new MeteringError('malformed-header', 'expected a WebAssembly 1 module', 0);
}

function checkOrder(id: number, last: number, offset: number): number {
  const rank = RANK[id];
  if (rank === undefined) throw new MeteringError('malformed-section', `unknown section ${id}`, offset);
  if (rank <= last)
    throw new MeteringError('malformed-section', `section ${id} is repeated or out of order`, offset);
  return rank;
}

export interface Assembled {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the payload of each replaced section starts in `bytes`, by section id. */
  readonly payloads: ReadonlyMap<number, number>;
}

/**
 * The module again, with some sections replaced (`undefined` removes one) or added in their place. Everything else,
 * custom sections included, is copied byte by byte.
 */
export function assemble(
  bytes: Uint8Array,
  sections: readonly Section[],
  replacements: ReadonlyMap<number, Writer | undefined>,
): Assembled {
  const out = new Writer(bytes.length + 4096);
  out.copy(bytes, 0, HEADER.length);
  const payloads = new Map<number, number>();
  const present = new Set(sections.map((section) => section.id));
  const added = [...replacements.keys()]
    .filter((id) => !present.has(id))
    .sort((a, b) => rankOf(a) - rankOf(b));
  const write = (id: number): void => {
    const content = replacements.get(id);
    if (content === undefined) return;
    out.byte(id);
    out.u32(content.length);
    payloads.set(id, out.length);
    out.append(content);
  };
  for (const section of sections) {
    if (section.id !== SECTION.custom) {
      while (added[0] !== undefined && rankOf(added[0]) < rankOf(section.id)) write(added.shift() ?? 0);
    }
    if (replacements.has(section.id)) write(section.id);
    else out.copy(bytes, section.start, section.end);
  }
  for (const id of added) write(id);
  return { bytes: out.finish(), payloads };
}

const rankOf = (id: number): number => RANK[id] ?? 0;

/** A vector section's content with items added at its end; a new one when there was none. */
export function extendVector(
  bytes: Uint8Array,
  section: Section | undefined,
  count: number,
  writeItems: (out: Writer) => void,
): Writer {
  const out = new Writer((section ? section.end - section.payload : 0) + 256);
  if (section === undefined) {
    out.u32(count);
  } else {
    const reader = new Reader(bytes, section.payload, section.end);
    out.u32(reader.u32() + count);
    out.copy(bytes, reader.position, section.end);
  }
  writeItems(out);
  return out;
}
