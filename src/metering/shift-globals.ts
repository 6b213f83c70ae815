import { SECTION, type Section } from './sections.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { Writer } from './writer.ts';

/** Sections outside the code that may refer to globals. */
const REFERRING: readonly number[] = [
  SECTION.table,
  SECTION.global,
  SECTION.export,
  SECTION.element,
  SECTION.data,
];

/** Those sections with the indices of the module's own globals moved up by `shift`, by section id. */
export function shiftGlobals(module: ModuleSkeleton, shift: number): Map<number, Writer> {
  const shifted = new Map<number, Writer>();
  for (const section of module.sections) {
    if (REFERRING.includes(section.id)) shifted.set(section.id, withShift(module, section, shift));
  }
  return shifted;
}

function withShift(module: ModuleSkeleton, section: Section, shift: number): Writer {
  const out = new Writer(section.end - section.payload + 64);
  let copied = section.payload;
  for (const { index, start, end } of module.globalReferences) {
    if (start < section.payload || end > section.end || index < module.imported.global) continue;
    out.copy(module.bytes, copied, start);
    out.u32(index + shift);
    copied = end;
  }
  out.copy(module.bytes, copied, section.end);
  return out;
}
