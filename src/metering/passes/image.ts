import { skipConstantExpression } from '../constant-expression.ts';
import { MeteringError } from '../errors.ts';
import { type MeterLimits, resolveLimits } from '../limits.ts';
import { parseModule } from '../module.ts';
import { Reader } from '../reader.ts';
import { assemble, extendVector, SECTION } from '../sections.ts';
import type { ModuleSkeleton } from '../skeleton.ts';
import { type GlobalType, readGlobalType, type ValueType } from '../types.ts';
import { Writer } from '../writer.ts';
import { addFunctions } from './add-functions.ts';
import { memoryRuns, type Run } from './memory-runs.ts';

/** What an instance holds besides its tables: the memory, and the mutable globals in the order of their indices. */
export interface InstanceImage {
  readonly memory: Uint8Array;
  readonly globals: readonly (number | bigint)[];
}

export interface ModuleWithImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How far the module's own code moved: what to subtract from the offsets of its stack frames. */
  readonly codeShift: number;
}

interface PassOptions {
  readonly limits?: Partial<MeterLimits>;
}

const NUMERIC: ReadonlySet<ValueType> = new Set(['i32', 'i64', 'f32', 'f64']);

/** Name under which `exportMutableGlobals` exports the mutable global number `position`. */
export const globalExport = (position: number): string => `metering:global-${position}`;

/** True when every mutable global is a number of the module's own, so that its value can be read and written back. */
export function hasNumericGlobals(bytes: Uint8Array, options: PassOptions = {}): boolean {
  const module = parseModule(bytes, resolveLimits(options.limits));
  return module.globals.every(
    ({ type, mutable }, index) => !mutable || (NUMERIC.has(type) && index >= module.imported.global),
  );
}

/** Exports every mutable global, so that a host can take an image of an instance. Throws `MeteringError`. */
export function exportMutableGlobals(bytes: Uint8Array, options: PassOptions = {}): Uint8Array<ArrayBuffer> {
  const module = parseModule(bytes, resolveLimits(options.limits));
  const mutable = module.globals.flatMap((global, index) => (global.mutable ? [index] : []));
  const section = module.sections.find(({ id }) => id === SECTION.export);
  const content = extendVector(module.bytes, section, mutable.length, (out) => {
    const GLOBAL = 3;
    mutable.forEach((index, position) => {
      out.name(globalExport(position));
      out.byte(GLOBAL);
      out.u32(index);
    });
  });
  return assemble(module.bytes, module.sections, new Map([[SECTION.export, content]])).bytes;
}

/** Exported function that `withImage` adds: puts memory and globals back to the image. */
export const RESTORE_EXPORT = 'metering:restore';

/**
 * Builds an image into a module that imports its one memory: the globals start with the image's values, the memory is
 * at least as large as the image's, and the exported function `restoreExport` writes the image over the memory, zeros
 * included, and over the globals. To be called before the first entry too: no segment is active any more. Null when
 * the image would need more than `maxBytes` of data, or holds a NaN, whose bits JavaScript cannot tell. Only for a
 * module that neither uses segments nor writes tables. Throws `MeteringError`.
 */
export function withImage(
  bytes: Uint8Array,
  image: InstanceImage,
  options: PassOptions & { readonly maxBytes: number },
): ModuleWithImage | null {
  const limits = resolveLimits(options.limits);
  const module = parseModule(bytes, limits);
  if (image.globals.some((value) => Number.isNaN(value))) return null;
  const runs = memoryRuns(image.memory, options.maxBytes);
  if (runs === null) return null;
  const replaced = addFunctions(module, [
    {
      name: RESTORE_EXPORT,
      params: [],
      results: [],
      write: (out) => writeRestore(out, module, image, runs),
    },
  ]);
  replaced.set(SECTION.global, globalsWithImage(module, image));
  replaced.set(SECTION.import, importsWithMinimum(module, image.memory.length / PAGE_BYTES));
  replaced.set(SECTION.data, passiveData(image.memory, runs));
  replaced.set(SECTION.dataCount, countOf(runs));
  const built = assemble(module.bytes, module.sections, replaced).bytes;
  const codeAt = ({ bodies }: ModuleSkeleton): number => bodies[0]?.start ?? 0;
  return { bytes: built, codeShift: codeAt(parseModule(built, limits)) - codeAt(module) };
}

const PAGE_BYTES = 65_536;
const [END, GLOBAL_SET, I32_CONST, I64_CONST, F32_CONST, F64_CONST] = [0x0b, 0x24, 0x41, 0x42, 0x43, 0x44];
const [PREFIX, MEMORY_INIT, MEMORY_FILL] = [0xfc, 8, 11];

function writeRestore(out: Writer, module: ModuleSkeleton, image: InstanceImage, runs: readonly Run[]): void {
  let written = 0;
  runs.forEach(({ start, end }, segment) => {
    writeZeros(out, written, start);
    writeI32(out, start);
    writeI32(out, 0);
    writeI32(out, end - start);
    out.pair(PREFIX, MEMORY_INIT);
    out.u32(segment);
    out.byte(0);
    written = end;
  });
  writeZeros(out, written, image.memory.length);
  let position = 0;
  module.globals.forEach((global, index) => {
    if (!global.mutable) return;
    writeConstant(out, global.type, image.globals[position++]);
    out.byte(GLOBAL_SET);
    out.u32(index);
  });
}

function writeZeros(out: Writer, start: number, end: number): void {
  if (start === end) return;
  writeI32(out, start);
  writeI32(out, 0);
  writeI32(out, end - start);
  out.pair(PREFIX, MEMORY_FILL);
  out.byte(0);
}

function writeI32(out: Writer, value: number): void {
  out.byte(I32_CONST);
  writeSigned(out, BigInt(value | 0));
}

function writeSigned(out: Writer, value: bigint): void {
  let rest = value;
  while (rest < -64n || rest > 63n) {
    out.byte(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.byte(Number(rest & 0x7fn));
}

function writeConstant(out: Writer, type: ValueType, value: number | bigint | undefined): void {
  const float = new DataView(new ArrayBuffer(8));
  if (type === 'i32') writeI32(out, Number(value));
  else if (type === 'i64') {
    out.byte(I64_CONST);
    writeSigned(out, BigInt.asIntN(64, BigInt(value ?? 0)));
  } else if (type === 'f32' || type === 'f64') {
    const size = type === 'f32' ? 4 : 8;
    if (size === 4) float.setFloat32(0, Number(value), true);
    else float.setFloat64(0, Number(value), true);
    out.byte(size === 4 ? F32_CONST : F64_CONST);
    out.copy(new Uint8Array(float.buffer), 0, size);
  } else throw new MeteringError('invalid-argument', `a mutable global of type ${type} has no image`);
}

/** The module's own globals again, the mutable ones with the image's values. */
function globalsWithImage(module: ModuleSkeleton, image: InstanceImage): Writer | undefined {
  const section = module.sections.find(({ id }) => id === SECTION.global);
  if (section === undefined) return undefined;
  const reader = new Reader(module.bytes, section.payload, section.end);
  const out = new Writer(section.end - section.payload + 256);
  out.u32(reader.u32());
  let position = 0;
  for (let index = module.imported.global; index < module.globals.length; index++) {
    const { start, valueStart, global } = readGlobal(reader, module);
    if (!global.mutable) out.copy(module.bytes, start, reader.position);
    else {
      out.copy(module.bytes, start, valueStart);
      writeConstant(out, global.type, image.globals[position++]);
      out.byte(END);
    }
  }
  return out;
}

function readGlobal(
  reader: Reader,
  module: ModuleSkeleton,
): { start: number; valueStart: number; global: GlobalType } {
  const start = reader.position;
  const global = readGlobalType(reader);
  const valueStart = reader.position;
  skipConstantExpression(reader, {
    globals: module.globals.length,
    functions: module.functions.length,
    referenced: new Set(),
    globalReferences: [],
  });
  return { start, valueStart, global };
}

/** The import section with a larger minimum for the memory. */
function importsWithMinimum(module: ModuleSkeleton, minPages: number): Writer {
  const [memory] = module.memories;
  const section = module.sections.find(({ id }) => id === SECTION.import);
  if (memory === undefined || section === undefined || module.imported.memory !== 1) {
    throw new MeteringError('conflict-memory', 'expected one memory, imported');
  }
  const out = new Writer(section.end - section.payload + 16);
  out.copy(module.bytes, section.payload, memory.start);
  out.byte(memory.max === undefined ? 0 : 1);
  out.u32(minPages);
  if (memory.max !== undefined) out.u32(memory.max);
  out.copy(module.bytes, memory.end, section.end);
  return out;
}

function passiveData(memory: Uint8Array, runs: readonly Run[]): Writer {
  const PASSIVE = 1;
  const out = countOf(runs);
  for (const { start, end } of runs) {
    out.byte(PASSIVE);
    out.u32(end - start);
    out.copy(memory, start, end);
  }
  return out;
}

function countOf(runs: readonly Run[]): Writer {
  const out = new Writer();
  out.u32(runs.length);
  return out;
}
