import type { MeterLimits } from './limits.ts';
import type { Section } from './sections.ts';
import type { FunctionType, GlobalType, LimitsType, TableType } from './types.ts';

export type ImportKind = 'function' | 'table' | 'memory' | 'global';

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
  readonly exports: readonly ExportEntry[];
  readonly imported: Readonly<Record<ImportKind, number>>;
  readonly start: number | undefined;
  readonly elementSegments: number;
  readonly elementItems: number;
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
  readonly exports: ExportEntry[];
  readonly imported: Record<ImportKind, number>;
  start: number | undefined;
  elementSegments: number;
  elementItems: number;
  dataSegments: number;
  dataBytes: number;
  dataCount: number | undefined;
  readonly bodies: CodeRange[];
  readonly customSections: string[];
}
