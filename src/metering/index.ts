/** `tasker-wasm-broker/metering`: fuel and call depth for WebAssembly modules, by rewriting their bytes. */
export { COST_TABLE, COST_TABLE_HASH } from './cost-table.ts';
export { DEFAULT_DEPTH } from './default-depth.ts';
export {
  describeModule,
  type ExportDescription,
  type ExternDescription,
  type FunctionSignature,
  type GlobalDescription,
  type ImportDescription,
  type MemoryDescription,
  type ModuleDescription,
  type TableDescription,
} from './describe.ts';
export { METERING_ERROR_CODES, MeteringError, type MeteringErrorCode } from './errors.ts';
export { DEFAULT_METER_LIMITS, type MeterLimits } from './limits.ts';
export { type Metered, type MeterOptions, type MeterSummary, meter } from './meter.ts';
export { type Offsets, originalOffset } from './offsets.ts';
export { clampMemory, clampTable } from './passes/clamp.ts';
export {
  exportMutableGlobals,
  globalExport,
  hasNumericGlobals,
  type InstanceImage,
  type ModuleWithImage,
  RESTORE_EXPORT,
  withImage,
} from './passes/image.ts';
export { importMemory } from './passes/import-memory.ts';
export { keepExports } from './passes/keep-exports.ts';
export { startToExport } from './passes/start-to-export.ts';
export { DENIED_GROW_EXPORT, DEPTH_EXPORT, FUEL_EXPORT, RESERVED_MODULE } from './reserved.ts';
export type { ReferenceType, ValueType } from './types.ts';
