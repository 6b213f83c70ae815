import { type MeterLimits, resolveLimits } from './limits.ts';
import { parseModule } from './module.ts';
import type { ImportKind, ModuleSkeleton } from './skeleton.ts';
import { type ReferenceType, type ValueType, valueTypeName } from './types.ts';

export interface FunctionSignature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A memory in pages of 64 KiB. */
export interface MemoryDescription {
  readonly minPages: number;
  readonly maxPages?: number;
  /** Present with 64-bit addresses. */
  readonly addressType?: 'i64';
}

export interface TableDescription {
  readonly element: ReferenceType;
  readonly minElements: number;
  readonly maxElements?: number;
  /** Present with 64-bit addresses. */
  readonly addressType?: 'i64';
}

export interface GlobalDescription {
  readonly type: ValueType;
  readonly mutable: boolean;
}

/** What an import or export is, with its exact type. */
export type ExternDescription =
  | ({ readonly kind: 'function' } & FunctionSignature)
  | ({ readonly kind: 'memory' } & MemoryDescription)
  | ({ readonly kind: 'table' } & TableDescription)
  | ({ readonly kind: 'global' } & GlobalDescription)
  | { readonly kind: 'tag'; readonly params: readonly ValueType[] };

export type ImportDescription = { readonly module: string; readonly name: string } & ExternDescription;
export type ExportDescription = { readonly name: string } & ExternDescription;

export interface ModuleDescription {
  readonly imports: readonly ImportDescription[];
  readonly exports: readonly ExportDescription[];
  /** Memories and tables by index: imported ones first. */
  readonly memories: readonly MemoryDescription[];
  readonly tables: readonly TableDescription[];
  /** Index of the start function, if there is one. */
  readonly start?: number;
  readonly customSections: readonly string[];
  readonly sizes: {
    readonly moduleBytes: number;
    readonly codeBytes: number;
    readonly dataBytes: number;
    readonly largestFunctionBytes: number;
    /** Functions and globals that are not imported. */
    readonly functions: number;
    readonly globals: number;
    readonly dataSegments: number;
    readonly elementSegments: number;
    readonly elementItems: number;
  };
}

/** Reads what a module imports, exports and declares. Looks into no function body. Throws `MeteringError`. */
export function describeModule(
  bytes: Uint8Array,
  options: { readonly limits?: Partial<MeterLimits> } = {},
): ModuleDescription {
  const module = parseModule(bytes, resolveLimits(options.limits));
  return {
    imports: module.imports.map(({ module: from, name, kind, index }) => ({
      module: from,
      name,
      ...describeExtern(module, kind, index),
    })),
    exports: module.exports.map(({ name, kind, index }) => ({
      name,
      ...describeExtern(module, kind, index),
    })),
    memories: module.memories.map((_, index) => describeMemory(module, index)),
    tables: module.tables.map((_, index) => describeTable(module, index)),
    ...(module.start === undefined ? {} : { start: module.start }),
    customSections: module.customSections,
    sizes: describeSizes(module),
  };
}

function describeSizes(module: ModuleSkeleton): ModuleDescription['sizes'] {
  const bodyBytes = module.bodies.map((body) => body.end - body.start);
  return {
    moduleBytes: module.bytes.length,
    codeBytes: bodyBytes.reduce((sum, size) => sum + size, 0),
    dataBytes: module.dataBytes,
    largestFunctionBytes: bodyBytes.reduce((largest, size) => Math.max(largest, size), 0),
    functions: module.bodies.length,
    globals: module.globals.length - module.imported.global,
    dataSegments: module.dataSegments,
    elementSegments: module.elementSegments,
    elementItems: module.elementItems,
  };
}

function describeExtern(module: ModuleSkeleton, kind: ImportKind, index: number): ExternDescription {
  switch (kind) {
    case 'function':
      return { kind, ...describeFunction(module, index) };
    case 'memory':
      return { kind, ...describeMemory(module, index) };
    case 'table':
      return { kind, ...describeTable(module, index) };
    case 'global':
      return { kind, ...at(module.globals, index) };
    case 'tag':
      return { kind, params: Array.from(at(module.types, at(module.tags, index)).params, valueTypeName) };
  }
}

function describeFunction(module: ModuleSkeleton, index: number): FunctionSignature {
  const type = at(module.types, at(module.functions, index));
  return { params: Array.from(type.params, valueTypeName), results: Array.from(type.results, valueTypeName) };
}

function describeMemory(module: ModuleSkeleton, index: number): MemoryDescription {
  const { min, max, wide } = at(module.memories, index);
  return { minPages: min, ...(max !== undefined && { maxPages: max }), ...(wide && { addressType: 'i64' }) };
}

function describeTable(module: ModuleSkeleton, index: number): TableDescription {
  const { element, min, max, wide } = at(module.tables, index);
  return {
    element,
    minElements: min,
    ...(max !== undefined && { maxElements: max }),
    ...(wide && { addressType: 'i64' }),
  };
}

/** An item whose index the parser has checked. */
function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`index ${index} was not checked`);
  return item;
}
