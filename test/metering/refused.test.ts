import { describe, expect, it } from 'vitest';
import {
  DEFAULT_METER_LIMITS,
  describeModule,
  METERING_ERROR_CODES,
  MeteringError,
  type MeteringErrorCode,
  type MeterLimits,
  meter,
} from '../../src/metering/index.ts';
import { binary, HEADER, leb, oneFunction, section } from './support/binary.ts';
import { wat } from './support/compile.ts';

function refusal(work: () => unknown): MeteringError {
  try {
    work();
  } catch (error) {
    if (error instanceof MeteringError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const type = section(1, 1, 0x60, 0, 0);

/** One module for each code that is about the bytes; the limits follow below. */
const REFUSED: Partial<Record<MeteringErrorCode, Uint8Array>> = {
  'malformed-header': Uint8Array.from([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]),
  'malformed-truncated': binary([1, 9, 1]),
  'malformed-leb': binary([1, 0x81, 0x80, 0x80, 0x80, 0x80, 0x00, 0]),
  'malformed-utf8': binary(section(0, 1, 0xff)),
  'malformed-section': binary(section(3, 1, 0), type),
  'malformed-type': binary(section(1, 1, 0x60, 1, 0x01, 0)),
  'malformed-index': binary(type, section(3, 1, 5)),
  'malformed-export': wat('(module (memory 1) (export "a" (memory 0)) (export "b" (memory 0)))').map(
    (byte, index, all) => (byte === 0x62 && all[index - 1] === 1 ? 0x61 : byte),
  ),
  'malformed-constant': binary(section(6, 1, 0x7f, 0, 0x6d, 0x0b)),
  'malformed-opcode': oneFunction([0xff, 0x0b]),
  'malformed-body': oneFunction([0x05, 0x0b]),
  'unsupported-component': Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]),
  'unsupported-threads': oneFunction([0xfe, 0x03, 0x00, 0x0b]),
  'unsupported-relaxed-simd': oneFunction([0xfd, 0x80, 0x02, 0x0b]),
  'unsupported-gc': oneFunction([0xfb, 0x00, 0x00, 0x0b]),
  'unsupported-function-references': oneFunction([0x14, 0x00, 0x0b]),
  'unsupported-stack-switching': oneFunction([0xe0, 0x00, 0x0b]),
  'unsupported-mixed-exceptions': oneFunction([0x06, 0x40, 0x0b, 0x1f, 0x40, 0x00, 0x0b, 0x0b]),
  'unsupported-page-size': binary(section(5, 1, 8, 1, 0)),
  'conflict-reserved-export': wat('(module (func (export "metering:start")))'),
};

const MORE: readonly [name: string, code: MeteringErrorCode, bytes: Uint8Array][] = [
  ['a shared memory', 'unsupported-threads', binary(section(5, 1, 3, 1, 2))],
  ['a shared 64-bit memory', 'unsupported-threads', binary(section(5, 1, 7, 1, 2))],
  ['a throw of a tag that is not there', 'malformed-index', oneFunction([0x08, 0x00, 0x0b])],
  ['a tag of a type that is not there', 'malformed-index', binary(type, section(13, 1, 0, 1))],
  ['a tag of an unknown kind', 'malformed-type', binary(type, section(13, 1, 1, 0))],
  ['a catch without try', 'malformed-body', oneFunction([0x19, 0x0b])],
  ['a catch of an unknown kind', 'malformed-body', oneFunction([0x1f, 0x40, 1, 4, 0, 0x0b, 0x0b])],
  [
    'a reference to the start function, which only its export would declare',
    'malformed-index',
    binary(type, section(3, 1, 0), section(8, 0), section(10, 1, 5, 0, 0xd2, 0, 0x1a, 0x0b)),
  ],
  [
    'an exnref beside the old try',
    'unsupported-mixed-exceptions',
    oneFunction([0x06, 0x40, 0x0b, 0xd0, 0x69, 0x1a, 0x0b]),
  ],
  ['a struct type', 'unsupported-gc', binary(section(1, 1, 0x5f, 0))],
  ['a recursion group', 'unsupported-gc', binary(section(1, 1, 0x4e, 1, 0x60, 0, 0))],
  ['a typed reference', 'unsupported-gc', binary(section(1, 1, 0x60, 1, 0x64, 0, 0))],
  [
    'a table with an initial value',
    'unsupported-function-references',
    binary(section(4, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b)),
  ],
  // Read as one byte, the second would be an `unreachable` that makes all that follows look free.
  [
    'a null whose type takes two bytes',
    'unsupported-function-references',
    oneFunction([0xd0, 0x80, 0x00, 0x1a, 0x0b]),
  ],
  ['the last relaxed SIMD opcode', 'unsupported-relaxed-simd', oneFunction([0xfd, 0x93, 0x02, 0x0b])],
  ['a section of the future', 'malformed-section', binary(section(14, 0))],
  ['a repeated section', 'malformed-section', binary(type, type)],
  ['a section with bytes behind its content', 'malformed-section', binary(section(1, 0, 0))],
  ['code without functions', 'malformed-section', binary(type, section(10, 1, 2, 0, 0x0b))],
  [
    'a start function with a parameter',
    'malformed-section',
    binary(section(1, 1, 0x60, 1, 0x7f, 0), section(3, 1, 0), section(8, 0), section(10, 1, 2, 0, 0x0b)),
  ],
  ['a maximum below the minimum', 'malformed-type', binary(section(5, 1, 1, 2, 1))],
  ['an unterminated block', 'malformed-truncated', oneFunction([0x02, 0x40, 0x0b])],
  ['bytes behind the end of a body', 'malformed-body', oneFunction([0x0b, 0x0b])],
  [
    'a block type of more than 5 bytes',
    'malformed-leb',
    oneFunction([0x02, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x0b, 0x0b]),
  ],
  [
    'a constant of more than 5 bytes',
    'malformed-leb',
    oneFunction([0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a, 0x0b]),
  ],
  [
    'a constant of more than 10 bytes',
    'malformed-leb',
    oneFunction([0x42, ...new Array(10).fill(0x80), 0x00, 0x1a, 0x0b]),
  ],
  ['an index with bits beyond 32', 'malformed-leb', oneFunction([0x10, 0x80, 0x80, 0x80, 0x80, 0x10, 0x0b])],
];

describe('bytes that are refused', () => {
  for (const [code, bytes] of Object.entries(REFUSED)) {
    it(`with ${code}`, () => expect(refusal(() => meter(bytes)).code).toBe(code));
  }
  for (const [name, code, bytes] of MORE) {
    it(`${name}: ${code}`, () => expect(refusal(() => meter(bytes)).code).toBe(code));
  }

  it('name the place, and carry the name of the class', () => {
    const error = refusal(() => meter(binary(section(3, 1, 0), type)));
    expect(error).toMatchObject({ name: 'MeteringError', offset: HEADER.length + 4 });
    expect(error.message).toContain('byte 12');
  });
});

const body = (count: number, code: number[]): number[] => Array.from({ length: count }, () => code).flat();

/** A module just over each limit when the limit is lowered to `allowed`. */
const OVER: Record<keyof MeterLimits, [allowed: number, bytes: Uint8Array]> = {
  moduleBytes: [8, wat('(module (memory 1))')],
  functionBodyBytes: [10, oneFunction([...body(10, [0x01]), 0x0b])],
  types: [1, binary(section(1, 2, 0x60, 0, 0, 0x60, 0, 0))],
  signature: [1, wat('(module (type (func (param i32 i32))))')],
  imports: [1, wat('(module (import "a" "b" (func)) (import "a" "c" (func)))')],
  functions: [1, wat('(module (import "a" "b" (func)) (func))')],
  tables: [1, wat('(module (table 1 funcref) (table 1 funcref))')],
  memories: [0, wat('(module (memory 1))')],
  globals: [1, wat('(module (global i32 (i32.const 1)) (global i32 (i32.const 1)))')],
  tags: [1, binary(type, section(13, 2, 0, 0, 0, 0))],
  exports: [1, wat('(module (memory 1) (export "a" (memory 0)) (export "b" (memory 0)))')],
  memoryMinPages: [1, wat('(module (memory 2))')],
  memoryMaxPages: [9, wat('(module (memory 1 10))')],
  tableMinElements: [10, wat('(module (table 6 funcref) (table 5 funcref))')],
  tableMaxElements: [10, wat('(module (table 1 5 funcref) (table 1 6 funcref))')],
  dataSegments: [1, wat('(module (memory 1) (data "a") (data "b"))')],
  dataBytes: [3, wat('(module (memory 1) (data "ab") (data "cd"))')],
  elementSegments: [0, wat('(module (elem func))')],
  elementItems: [1, wat('(module (func $f) (elem func $f $f))')],
  locals: [3, wat('(module (func (param i32 i32) (local i32 i32)))')],
  nesting: [2, oneFunction([...body(3, [0x02, 0x40]), ...body(4, [0x0b])])],
  operands: [2, oneFunction([...body(3, [0x41, 0]), ...body(3, [0x1a]), 0x0b])],
  branchTargets: [1, oneFunction([0x41, 0, 0x0e, 2, 0, 0, 0, 0x0b])],
};

describe('admission bounds', () => {
  for (const [name, [allowed, bytes]] of Object.entries(OVER) as [
    keyof MeterLimits,
    [number, Uint8Array],
  ][]) {
    const code = `limit-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    it(`${code}: refuses one over the bound and takes what is within`, () => {
      const error = refusal(() => meter(bytes, { limits: { [name]: allowed } }));
      expect(error.code).toBe(code);
      expect(error.message).toContain(`at most ${allowed} allowed`);
      expect(Object.keys(METERING_ERROR_CODES)).toContain(code);
      expect(() => meter(bytes, { limits: { [name]: DEFAULT_METER_LIMITS[name] } })).not.toThrow();
    });
  }

  it('has a test for every code of the table', () => {
    const tested = new Set([
      ...Object.keys(REFUSED),
      ...Object.keys(OVER).map(
        (name) => `limit-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      ),
      // Tested with the passes, with shared counters and with the arguments below.
      'conflict-reserved-import',
      'conflict-memory',
      'invalid-argument',
    ]);
    expect([...tested].sort()).toEqual(Object.keys(METERING_ERROR_CODES).sort());
  });

  it('refuses limits that do not exist or are no numbers, and modules that are no bytes', () => {
    const bytes = wat('(module)');
    expect(refusal(() => meter(bytes, { limits: { localz: 1 } as Partial<MeterLimits> })).code).toBe(
      'invalid-argument',
    );
    expect(refusal(() => meter(bytes, { limits: { locals: Number.NaN } })).code).toBe('invalid-argument');
    expect(refusal(() => meter('module' as unknown as Uint8Array)).code).toBe('invalid-argument');
    expect(refusal(() => describeModule(null as unknown as Uint8Array)).code).toBe('invalid-argument');
  });

  it('takes several memories, and meters their growth by their own maximum', () => {
    const bytes = binary(
      section(1, 1, 0x60, 1, 0x7f, 1, 0x7f),
      section(3, 1, 0),
      section(5, 2, 1, 1, 1, 1, 1, 5),
      section(7, 1, 1, 0x66, 0, 0),
      section(10, 1, ...leb(6), 0, 0x20, 0, 0x40, 1, 0x0b),
    );
    expect(refusal(() => meter(bytes, { limits: { memories: 1 } })).code).toBe('limit-memories');
    expect(refusal(() => meter(bytes, { limits: { memoryMaxPages: 5 } })).code).toBe(
      'limit-memory-max-pages',
    );
    expect(refusal(() => meter(bytes, { limits: { memoryMinPages: 1 } })).code).toBe(
      'limit-memory-min-pages',
    );
    const output = meter(bytes);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(output.bytes));
    const fuel = exports[output.fuelExport] as WebAssembly.Global<'i64'>;
    fuel.value = 1_000_000n;
    expect((exports.f as (pages: number) => number)(4)).toBe(1);
    expect(fuel.value).toBeLessThan(1_000_000n - 4n * 65_536n);
  });
});
