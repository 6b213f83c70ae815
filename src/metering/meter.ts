import { AddedTypes } from './added-types.ts';
import { COST_TABLE_HASH } from './cost-table.ts';
import {
  type CounterPlace,
  countersOf,
  initialCost,
  placeCounters,
  writeCounterExports,
  writeCounterImports,
  writeCounters,
} from './counters.ts';
import { MeteringError } from './errors.ts';
import { featuresOf } from './features.ts';
import { BodyDecoder } from './function-body.ts';
import { GROW_FRAME_BYTES, GrowFunctions } from './grow-functions.ts';
import { BodyEmitter } from './instrument.ts';
import { type MeterLimits, resolveLimits } from './limits.ts';
import { parseModule } from './module.ts';
import { OffsetRecorder, type Offsets } from './offsets.ts';
import { writeStartExport } from './passes/start-to-export.ts';
import {
  checkReservedExports,
  checkReservedImports,
  DENIED_GROW_EXPORT,
  DEPTH_EXPORT,
  FUEL_EXPORT,
  START_EXPORT,
} from './reserved.ts';
import { type Assembled, assemble, extendVector, SECTION, type Section } from './sections.ts';
import { shiftGlobals } from './shift-globals.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { Writer } from './writer.ts';

export interface MeterOptions {
  /** Admission bounds that differ from the defaults. */
  readonly limits?: Partial<MeterLimits>;
  /**
   * `own` (default): each module has its own counters. `import`: it imports them, so that several modules can share
   * them: `metering.fuel` (mutable i64), `metering.depth` (mutable i32) and, where `deniedGrowExport` is present,
   * `metering.denied-grow` (mutable i32).
   */
  readonly counters?: CounterPlace;
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
  /**
   * Exported mutable i32 global; starts at `DEFAULT_DEPTH` − `uncountedBytes`. Below zero after a trap: the calls were
   * too deep.
   */
  readonly depthExport: string;
  /**
   * Weight of the heaviest call tree that is not counted. There is never more than one of them on the stack: subtract it
   * from the depth you set, then all live frames together never weigh more than that depth.
   */
  readonly uncountedBytes: number;
  /** The former start function, without parameters and results, to be called once after setting fuel. */
  readonly startExport?: string;
  /** Exported mutable i32 global of modules that grow a memory: below zero once a `memory.grow` was denied. */
  readonly deniedGrowExport?: string;
  /**
   * Fuel for what instantiation does: initial pages and table elements, active segments. Not charged by the module,
   * because no host can set fuel before: subtract it from what you set.
   */
  readonly initialCost: number;
  readonly costTableHash: string;
  readonly offsets: Offsets;
  readonly summary: MeterSummary;
}

/**
 * Adds fuel and call-depth counters to a WebAssembly module. Pure and synchronous. Imports, exports, types, indices of
 * functions and custom sections stay; globals, exports and some types are added behind the module's own (with shared
 * counters, the module's own globals move up behind the imported ones). The result is as valid as the module was: an
 * engine still has to validate it. Throws `MeteringError`.
 */
export function meter(module: Uint8Array, options: MeterOptions = {}): Metered {
  const limits = resolveLimits(options.limits);
  const place = options.counters ?? 'own';
  const skeleton = parseModule(module, limits);
  checkReservedExports(skeleton);
  if (place === 'import') checkReservedImports(skeleton);
  const types = new AddedTypes(skeleton);
  const code = meterCode(skeleton, limits, types, place);
  const sections = replacedSections(skeleton, types, code, place);
  const assembled = assemble(skeleton.bytes, skeleton.sections, sections);
  code.offsets.shift(0, assembled.payloads.get(SECTION.code) ?? 0);
  return {
    bytes: assembled.bytes,
    fuelExport: FUEL_EXPORT,
    depthExport: DEPTH_EXPORT,
    uncountedBytes: code.uncountedBytes,
    ...(skeleton.start === undefined ? {} : { startExport: START_EXPORT }),
    ...(code.growsMemory ? { deniedGrowExport: DENIED_GROW_EXPORT } : {}),
    initialCost: initialCost(skeleton),
    costTableHash: COST_TABLE_HASH,
    offsets: code.offsets.finish(),
    summary: summarize(skeleton, assembled, code),
  };
}

interface MeteredCode {
  /** The payload of the new code section. */
  readonly section: Writer;
  readonly growFunctions: GrowFunctions;
  /** Relative to that payload. */
  readonly offsets: OffsetRecorder;
  readonly charges: number;
  readonly checks: number;
  readonly heaviestFrame: number;
  readonly uncountedBytes: number;
  readonly features: readonly string[];
  readonly growsMemory: boolean;
}

const MEMORY_GROW = 0x40;

/** Decodes and emits every function body. */
function meterCode(
  module: ModuleSkeleton,
  limits: MeterLimits,
  types: AddedTypes,
  place: CounterPlace,
): MeteredCode {
  const bodies = new Writer(module.bytes.length * 2);
  const body = new Writer();
  const offsets = new OffsetRecorder();
  // Whether a memory grows is known at the end only: reserve the counter where its index matters before.
  const { first, shift } = placeCounters(module, place, true);
  const decoder = new BodyDecoder(module, limits, shift);
  const growFunctions = new GrowFunctions(module, { fuelGlobal: first, deniedGrowGlobal: first + 2 });
  const targets = { fuelGlobal: first, depthGlobal: first + 1, types, growFunctions };
  const emitter = new BodyEmitter(module, targets, body, offsets);
  let heaviestFrame = 0;
  module.bodies.forEach((range, index) => {
    const plan = decoder.decode(range, module.imported.function + index);
    const firstOffset = offsets.count;
    body.clear();
    emitter.emit(plan);
    bodies.u32(body.length);
    offsets.shift(firstOffset, bodies.length);
    bodies.append(body);
    heaviestFrame = Math.max(heaviestFrame, plan.weight);
  });
  const growsMemory = place === 'import' || decoder.seen[MEMORY_GROW] === 1;
  const features = featuresOf(module, decoder.seen, decoder.usesExnref);
  if (features.includes('legacy-exceptions') && features.includes('exception-references')) {
    throw new MeteringError('unsupported-mixed-exceptions', 'the module uses try, and try_table or exnref');
  }
  const section = new Writer(bodies.length + 256);
  section.u32(module.bodies.length + growFunctions.added);
  offsets.shift(0, section.length);
  section.append(bodies);
  growFunctions.writeBodies(section);
  const uncountedBytes = Math.max(decoder.uncountedBytes, growFunctions.added > 0 ? GROW_FRAME_BYTES : 0);
  return {
    section,
    growFunctions,
    offsets,
    ...emitter.counts,
    heaviestFrame,
    uncountedBytes,
    features,
    growsMemory,
  };
}

/** The sections that metering changes or adds. */
function replacedSections(
  module: ModuleSkeleton,
  types: AddedTypes,
  { section: code, growFunctions, uncountedBytes, growsMemory }: MeteredCode,
  place: CounterPlace,
): Map<number, Writer | undefined> {
  const { first, shift } = placeCounters(module, place, growsMemory);
  const counters = countersOf(growsMemory);
  const replaced = new Map<number, Writer | undefined>(shift > 0 ? shiftGlobals(module, shift) : []);
  const extend = (id: number, count: number, write: (out: Writer) => void): void => {
    const shifted = replaced.get(id)?.finish();
    const own = module.sections.find((section) => section.id === id);
    const section: Section | undefined = shifted ? { id, start: 0, payload: 0, end: shifted.length } : own;
    replaced.set(id, extendVector(shifted ?? module.bytes, section, count, write));
  };
  if (growFunctions.added > 0) {
    extend(SECTION.function, growFunctions.added, (out) => growFunctions.writeTypeIndices(out, types));
  }
  if (types.added > 0) extend(SECTION.type, types.added, (out) => types.writeTypes(out));
  if (place === 'import')
    extend(SECTION.import, counters.length, (out) => writeCounterImports(out, counters));
  else extend(SECTION.global, counters.length, (out) => writeCounters(out, counters, uncountedBytes));
  extend(SECTION.export, counters.length + (module.start === undefined ? 0 : 1), (out) => {
    writeCounterExports(out, counters, first);
    if (module.start !== undefined) writeStartExport(out, START_EXPORT, module.start);
  });
  if (module.start !== undefined) replaced.set(SECTION.start, undefined);
  if (module.bodies.length > 0) replaced.set(SECTION.code, code);
  return replaced;
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
