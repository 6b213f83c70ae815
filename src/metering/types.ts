import { MeteringError } from './errors.ts';
import { checkLimit, type MeterLimits } from './limits.ts';
import type { Reader } from './reader.ts';
import { refusedType } from './unsupported.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref' | 'exnref';
export type ReferenceType = 'funcref' | 'externref' | 'exnref';

const VALUE_TYPES: Readonly<Record<number, ValueType>> = Object.freeze({
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
  112: 'funcref',
  111: 'externref',
  105: 'exnref',
});

export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;
export const FUNCTION_FORM = 0x60;
export const EMPTY_BLOCK = 0x40;

/** Parameter and result types of a function or block, as bytes of the binary format. */
export interface FunctionType {
  readonly params: Uint8Array;
  readonly results: Uint8Array;
}

/** Minimum and maximum of a memory (pages) or table (elements), and where their bytes are. */
export interface LimitsType {
  readonly min: number;
  readonly max: number | undefined;
  /** 64-bit addresses. */
  readonly wide: boolean;
  readonly start: number;
  readonly end: number;
}

export interface TableType extends LimitsType {
  readonly element: ReferenceType;
}

export interface GlobalType {
  readonly type: ValueType;
  readonly mutable: boolean;
}

/** The name of a value type that was read before. */
export function valueTypeName(byte: number): ValueType {
  const name = VALUE_TYPES[byte];
  if (name === undefined) throw refusedType(byte, 0);
  return name;
}

/** The byte of the type `exnref`. */
export const EXNREF = 0x69;

/** The byte of a value type; every other byte is refused. */
export function readValueType(reader: Reader): number {
  const offset = reader.position;
  const byte = reader.byte();
  if (byte >= V128 && byte <= I32) return byte;
  if (byte === EXNREF) reader.hasReadExnref = true;
  if (byte === 0x70 || byte === 0x6f || byte === EXNREF) return byte;
  throw refusedType(byte, offset);
}

export function readReferenceType(reader: Reader): ReferenceType {
  const offset = reader.position;
  const byte = reader.byte();
  if (byte === 0x70) return 'funcref';
  if (byte === 0x6f) return 'externref';
  if (byte === EXNREF) {
    reader.hasReadExnref = true;
    return 'exnref';
  }
  throw refusedType(byte, offset);
}

/** The type of a `ref.null`. A type index in its place belongs to typed function references. */
export function readNullType(reader: Reader): ReferenceType {
  if ((reader.peek() & 0xc0) === 0x40) return readReferenceType(reader);
  throw reader.malformed('unsupported-function-references', 'null of a declared type is not supported');
}

export function readFunctionType(reader: Reader, limits: MeterLimits): FunctionType {
  const offset = reader.position;
  const form = reader.byte();
  if (form !== FUNCTION_FORM) throw refusedType(form, offset);
  return { params: readValueTypes(reader, limits), results: readValueTypes(reader, limits) };
}

function readValueTypes(reader: Reader, limits: MeterLimits): Uint8Array {
  const count = reader.count(1);
  checkLimit(limits, 'signature', count, reader.position);
  const start = reader.position;
  for (let index = 0; index < count; index++) readValueType(reader);
  return reader.bytes.subarray(start, reader.position);
}

export function readTableType(reader: Reader): TableType {
  if (reader.peek() === 0x40) {
    throw reader.malformed(
      'unsupported-function-references',
      'a table with an initial value is not supported',
    );
  }
  const element = readReferenceType(reader);
  return { element, ...readLimits(reader) };
}

/** Bits of the flags before limits. */
export const [HAS_MAXIMUM, WIDE] = [1, 4];

/** The limits of a memory or table. */
export function readLimits(reader: Reader): LimitsType {
  const start = reader.position;
  const flags = reader.byte();
  const wide = (flags & WIDE) !== 0;
  if ((flags & ~(HAS_MAXIMUM | WIDE)) !== 0) throw refusedLimits(flags, start);
  const min = wide ? reader.u64() : reader.u32();
  const max = (flags & HAS_MAXIMUM) === 0 ? undefined : wide ? reader.u64() : reader.u32();
  if (max !== undefined && max < min) {
    throw new MeteringError('malformed-type', `the maximum ${max} is below the minimum ${min}`, start);
  }
  return { min, max, wide, start, end: reader.position };
}

/** Pages a memory may grow to: what it declares, or what its addresses reach (64-bit ones, in any engine, 2⁴⁸ bytes). */
export function maximumPages({ max, wide }: LimitsType): number {
  const reachable = wide ? 2 ** 32 : 65_536;
  return Math.min(max ?? reachable, reachable);
}

/** Elements a table may grow to: what it declares, or what any engine has. */
export function maximumElements({ max }: LimitsType): number {
  return Math.min(max ?? 2 ** 32 - 1, 2 ** 32 - 1);
}

function refusedLimits(flags: number, offset: number): MeteringError {
  if (flags > 0x0f)
    return new MeteringError('malformed-type', `expected limits, got 0x${flags.toString(16)}`, offset);
  if (flags & 2) return new MeteringError('unsupported-threads', 'shared memory is not supported', offset);
  return new MeteringError('unsupported-page-size', 'custom page sizes are not supported', offset);
}

export function readGlobalType(reader: Reader): GlobalType {
  const type = valueTypeName(readValueType(reader));
  const mutability = reader.byte();
  if (mutability <= 1) return { type, mutable: mutability === 1 };
  const offset = reader.position - 1;
  if (mutability <= 3)
    throw new MeteringError('unsupported-threads', 'shared globals are not supported', offset);
  throw new MeteringError(
    'malformed-type',
    `expected a mutability, got 0x${mutability.toString(16)}`,
    offset,
  );
}
