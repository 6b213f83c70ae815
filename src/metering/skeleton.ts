import type { MeterLimits } from './limits.ts';
import type { Section } from './sections.ts';
import type { FunctionType, GlobalType, LimitsType, TableType } from './types.ts';

export type ImportKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

/** An import or export: `index` counts within the index space of its kind. */
export interface ImportEntry {
  readonly module: string;
  readonly name: string;
  readonly kind: ImportKind;
  readonly index: number;
}

export interface ExportEntry {
  readonly name: string;
  readonly kind: ImportKind;
  readonly index: number;
  /** Where the entry is in the module. */
  readonly start: number;
  readonly end: number;
}

/** An index and the bytes that encode it. */
export interface IndexReference {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

export interface CodeRange {
  readonly start: number;
  readonly end: number;
}

/** Everything about a module except the inside of its function bodies. Index spaces hold imports first. */
export interface ModuleSkeleton {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  readonly types: readonly FunctionType[];
  readonly imports: readonly ImportEntry[];
  /** Type index of each function. */
  readonly functions: readonly number[];
  readonly tables: readonly TableType[];
  readonly memories: readonly LimitsType[];
  readonly globals: readonly GlobalType[];
  /** Type index of each tag. */
  readonly tags: readonly number[];
  readonly exports: readonly ExportEntry[];
  readonly imported: Readonly<Record<ImportKind, number>>;
  readonly start: number | undefined;
  /** The start function is exported or occurs outside the function bodies. */
  readonly startIsReferenced: boolean;
  /** Indices of globals outside the function bodies, in the order of their place. */
  readonly globalReferences: readonly IndexReference[];
  readonly elementSegments: number;
  readonly elementItems: number;
  /** Items and bytes of the segments that are copied at instantiation. */
  readonly activeItems: number;
  readonly activeBytes: number;
  readonly dataSegments: number;
  readonly dataBytes: number;
  /** Bodies of the functions that are not imported. */
  readonly bodies: readonly CodeRange[];
  readonly customSections: readonly string[];
}

/** The skeleton while its sections are read, in their order. */
export interface ModuleBuilder {
  readonly limits: MeterLimits;
  readonly types: FunctionType[];
  readonly imports: ImportEntry[];
  readonly functions: number[];
  readonly tables: TableType[];
  readonly memories: LimitsType[];
  readonly globals: GlobalType[];
  readonly tags: number[];
  readonly exports: ExportEntry[];
  readonly imported: Record<ImportKind, number>;
  start: number | undefined;
  /** Functions that are exported or occur in constant expressions and element segments. */
  readonly referenced: Set<number>;
  readonly globalReferences: IndexReference[];
  elementSegments: number;
  elementItems: number;
  activeItems: number;
  activeBytes: number;
  dataSegments: number;
  dataBytes: number;
  dataCount: number | undefined;
  readonly bodies: CodeRange[];
  readonly customSections: string[];
}
