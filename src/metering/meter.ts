import { COST_TABLE_HASH } from './cost-table.ts';
import { DEFAULT_DEPTH } from './default-depth.ts';
import { featuresOf } from './features.ts';
import { BodyDecoder } from './function-body.ts';
import { BodyEmitter } from './instrument.ts';
import { type MeterLimits, resolveLimits } from './limits.ts';
import { parseModule } from './module.ts';
import { OffsetRecorder, type Offsets } from './offsets.ts';
import { writeStartExport } from './passes/start-to-export.ts';
import {
  checkReservedExports,
  DENIED_GROW_EXPORT,
  DEPTH_EXPORT,
  FUEL_EXPORT,
  START_EXPORT,
} from './reserved.ts';
import { ResultTypes } from './result-types.ts';
import { type Assembled, assemble, extendVector, SECTION, type Section } from './sections.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { I32, I64 } from './types.ts';
import { Writer } from './writer.ts';

export interface MeterOptions {
  /** Admission bounds that differ from the defaults. */
  readonly limits?: Partial<MeterLimits>;
}

/** Facts for reports. Nothing depends on them. */
export interface MeterSummary {
  readonly functions: number;
  /** Places where fuel is charged, and where it is compared with zero. */
  readonly charges: number;
  readonly checks: number;
  readonly originalBytes: number;
  readonly meteredBytes: number;
  /** Weight of the heaviest frame, in bytes. */
  readonly heaviestFrame: number;
  /** Features beyond the first version of WebAssembly that the code uses. */
  readonly features: readonly string[];
}

export interface Metered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Exported mutable i64 global; starts at 0. Set it from 0 to 2⁶² before a call. Below zero afterwards: out of fuel. */
  readonly fuelExport: string;
  /** Exported mutable i32 global; starts at `DEFAULT_DEPTH`. Below zero after a trap: the calls were too deep. */
  readonly depthExport: string;
  /** The former start function, without parameters and results, to be called once after setting fuel. */
  readonly startExport?: string;
  /** Exported mutable i32 global of modules that grow a memory: 1 once a `memory.grow` was denied. */
  readonly deniedGrowExport?: string;
  readonly costTableHash: string;
  readonly offsets: Offsets;
  readonly summary: MeterSummary;
}

/**
 * Adds fuel and call-depth counters to a WebAssembly module. Pure and synchronous. Imports, exports, indices, types
 * and custom sections stay; up to three globals, four exports and some types are added behind the module's own.
 * The result is as valid as the module was: an engine still has to validate it. Throws `MeteringError`.
 */
export function meter(module: Uint8Array, options: MeterOptions = {}): Metered {
  const limits = resolveLimits(options.limits);
  const skeleton = parseModule(module, limits);
  checkReservedExports(skeleton);
  const resultTypes = new ResultTypes(skeleton);
  const code = meterCode(skeleton, limits, resultTypes);
  const assembled = assemble(
    skeleton.bytes,
    skeleton.sections,
    replacedSections(skeleton, resultTypes, code),
  );
  code.offsets.shift(0, assembled.payloads.get(SECTION.code) ?? 0);
  return {
    bytes: assembled.bytes,
    fuelExport: FUEL_EXPORT,
    depthExport: DEPTH_EXPORT,
    ...(skeleton.start === undefined ? {} : { startExport: START_EXPORT }),
    ...(code.growsMemory ? { deniedGrowExport: DENIED_GROW_EXPORT } : {}),
    costTableHash: COST_TABLE_HASH,
    offsets: code.offsets.finish(),
    summary: summarize(skeleton, assembled, code),
  };
}

interface MeteredCode {
  /** The payload of the new code section. */
  readonly section: Writer;
  /** Relative to that payload. */
  readonly offsets: OffsetRecorder;
  readonly charges: number;
  readonly checks: number;
  readonly heaviestFrame: number;
  readonly features: readonly string[];
  readonly growsMemory: boolean;
}

const MEMORY_GROW = 0x40;

/** Decodes and emits every function body. */
function meterCode(module: ModuleSkeleton, limits: MeterLimits, types: ResultTypes): MeteredCode {
  const section = new Writer(module.bytes.length * 2);
  const body = new Writer();
  const offsets = new OffsetRecorder();
  const decoder = new BodyDecoder(module, limits);
  const fuelGlobal = module.globals.length;
  const targets = {
    fuelGlobal,
    depthGlobal: fuelGlobal + 1,
    deniedGrowGlobal: fuelGlobal + 2,
    writeResultType: (out: Writer, type: number): void => types.writeResultType(out, type),
  };
  const emitter = new BodyEmitter(module, targets, body, offsets);
  let heaviestFrame = 0;
  section.u32(module.bodies.length);
  module.bodies.forEach((range, index) => {
    const plan = decoder.decode(range, module.functions[module.imported.function + index] ?? 0);
    const firstOffset = offsets.count;
    body.clear();
    emitter.emit(plan);
    section.u32(body.length);
    offsets.shift(firstOffset, section.length);
    section.append(body);
    heaviestFrame = Math.max(heaviestFrame, plan.weight);
  });
  const growsMemory = decoder.seen[MEMORY_GROW] === 1;
  const features = featuresOf(module, decoder.seen);
  return { section, offsets, ...emitter.counts, heaviestFrame, features, growsMemory };
}

/** The sections that metering changes or adds. */
function replacedSections(
  module: ModuleSkeleton,
  types: ResultTypes,
  { section: code, growsMemory }: MeteredCode,
): Map<number, Writer | undefined> {
  const find = (id: number): Section | undefined => module.sections.find((section) => section.id === id);
  const replaced = new Map<number, Writer | undefined>();
  if (types.added > 0) {
    const content = extendVector(module.bytes, find(SECTION.type), types.added, (out) =>
      types.writeTypes(out),
    );
    replaced.set(SECTION.type, content);
  }
  const globals = growsMemory ? COUNTERS : COUNTERS.slice(0, 2);
  replaced.set(
    SECTION.global,
    extendVector(module.bytes, find(SECTION.global), globals.length, (out) => writeGlobals(out, globals)),
  );
  const exports = globals.length + (module.start === undefined ? 0 : 1);
  replaced.set(
    SECTION.export,
    extendVector(module.bytes, find(SECTION.export), exports, (out) => writeExports(out, module, globals)),
  );
  if (module.start !== undefined) replaced.set(SECTION.start, undefined);
  if (module.bodies.length > 0) replaced.set(SECTION.code, code);
  return replaced;
}

interface Counter {
  readonly name: string;
  readonly type: number;
  readonly constant: number;
  readonly initial: number;
}

const I32_CONST = 0x41;
const I64_CONST = 0x42;

/** The added globals, in the order of their indices. Fuel is 0, so that nothing runs before the host sets it. */
const COUNTERS: readonly Counter[] = Object.freeze([
  { name: FUEL_EXPORT, type: I64, constant: I64_CONST, initial: 0 },
  { name: DEPTH_EXPORT, type: I32, constant: I32_CONST, initial: DEFAULT_DEPTH },
  { name: DENIED_GROW_EXPORT, type: I32, constant: I32_CONST, initial: 0 },
]);

function writeGlobals(out: Writer, globals: readonly Counter[]): void {
  const [MUTABLE, END] = [0x01, 0x0b];
  for (const { type, constant, initial } of globals) {
    out.pair(type, MUTABLE);
    out.byte(constant);
    out.signed(initial);
    out.byte(END);
  }
}

function writeExports(out: Writer, module: ModuleSkeleton, globals: readonly Counter[]): void {
  const GLOBAL = 3;
  globals.forEach(({ name }, index) => {
    out.name(name);
    out.byte(GLOBAL);
    out.u32(module.globals.length + index);
  });
  if (module.start !== undefined) writeStartExport(out, START_EXPORT, module.start);
}

function summarize(module: ModuleSkeleton, assembled: Assembled, code: MeteredCode): MeterSummary {
  return {
    functions: module.bodies.length,
    charges: code.charges,
    checks: code.checks,
    originalBytes: module.bytes.length,
    meteredBytes: assembled.bytes.length,
    heaviestFrame: code.heaviestFrame,
    features: code.features,
  };
}
