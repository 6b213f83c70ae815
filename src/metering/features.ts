import { OPCODE_SPACE, PREFIX_FC, PREFIX_FD } from './opcodes.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { EXNREF } from './types.ts';

/** Opcodes that tell a feature: from the first up to, not including, the second. */
const MARKERS: readonly (readonly [feature: string, first: number, end: number])[] = [
  ['legacy-exceptions', 0x06, 0x08],
  ['exceptions', 0x08, 0x09],
  ['legacy-exceptions', 0x09, 0x0a],
  ['exception-references', 0x0a, 0x0b],
  ['tail-call', 0x12, 0x14],
  ['legacy-exceptions', 0x18, 0x1a],
  ['exception-references', 0x1f, 0x20],
  ['reference-types', 0x1c, 0x1d],
  ['reference-types', 0x25, 0x27],
  ['sign-extension', 0xc0, 0xc5],
  ['reference-types', 0xd0, 0xd3],
  ['nontrapping-float-to-int', PREFIX_FC, PREFIX_FC + 8],
  ['bulk-memory', PREFIX_FC + 8, PREFIX_FC + 15],
  ['reference-types', PREFIX_FC + 15, PREFIX_FD],
  ['simd', PREFIX_FD, OPCODE_SPACE],
  // What an instance can change for good besides its memory and globals: tables, and which segments are left.
  ['table-writes', 0x26, 0x27],
  ['table-writes', PREFIX_FC + 12, PREFIX_FC + 13],
  ['table-writes', PREFIX_FC + 14, PREFIX_FC + 16],
  ['table-writes', PREFIX_FC + 17, PREFIX_FC + 18],
  ['segment-use', PREFIX_FC + 8, PREFIX_FC + 10],
  ['segment-use', PREFIX_FC + 12, PREFIX_FC + 14],
];

/** The features beyond WebAssembly 1.0 that a module uses, given which opcodes occur in it, and whether the type exnref does. */
export function featuresOf(module: ModuleSkeleton, seen: Uint8Array, bodiesUseExnref: boolean): string[] {
  const features = new Set<string>();
  for (const [feature, first, end] of MARKERS) {
    if (seen.subarray(first, end).includes(1)) features.add(feature);
  }
  if (module.types.some((type) => type.results.length > 1)) features.add('multi-value');
  if (module.memories.some(({ wide }) => wide) || module.tables.some(({ wide }) => wide))
    features.add('memory64');
  if (module.memories.length > 1) features.add('multi-memory');
  if (bodiesUseExnref || declaresExnref(module)) features.add('exception-references');
  if (module.tags.length > 0) features.add('exceptions');
  if (module.tables.length > 1) features.add('reference-types');
  const mutableImports = module.globals.slice(0, module.imported.global).some((global) => global.mutable);
  const mutableExports = module.exports.some(
    (entry) => entry.kind === 'global' && module.globals[entry.index]?.mutable === true,
  );
  if (mutableImports || mutableExports) features.add('mutable-globals');
  return [...features].sort();
}

function declaresExnref({ types, tables, globals }: ModuleSkeleton): boolean {
  return (
    types.some(({ params, results }) => params.includes(EXNREF) || results.includes(EXNREF)) ||
    tables.some(({ element }) => element === 'exnref') ||
    globals.some(({ type }) => type === 'exnref')
  );
}
