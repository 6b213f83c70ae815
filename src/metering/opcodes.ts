/**
 * Every instruction that is metered, as data: its immediates, its effect on the height of the operand stack and its
 * cost class. An opcode that is not here is refused. Source: WebAssembly Core Specification 2.0, §5.4 and appendix A.7,
 * plus tail calls and exceptions of 3.0, and the exception instructions of before ("legacy").
 */

/** What an instruction is charged as; `cost-table.ts` has the numbers. */
export type CostClass =
  | 'free'
  | 'simple'
  | 'branchTable'
  | 'divide'
  | 'table'
  | 'call'
  | 'callIndirect'
  | 'bulk'
  | 'grow'
  | 'throw';

/** What follows an opcode. Plain numbers: the decoder switches over them for every instruction. */
export const IMMEDIATE = Object.freeze({
  none: 0,
  byte: 1,
  bytes4: 2,
  bytes8: 3,
  bytes16: 4,
  leb32: 5,
  leb64: 6,
  memoryArgument: 7,
  memoryArgumentAndLane: 8,
  memory: 9,
  memoryPair: 10,
  dataAndMemory: 11,
  index: 12,
  indexPair: 13,
  functionIndex: 14,
  referenceType: 15,
  /** Decoded by a rule of its own: instructions whose operands depend on an index. */
  special: 16,
  /** Control flow, by rules of its own (`control-flow.ts`). */
  control: 17,
});
export type Immediate = (typeof IMMEDIATE)[keyof typeof IMMEDIATE];

/** A run of neighbouring opcodes that behave alike. */
export interface OpcodeRow {
  readonly first: number;
  readonly last: number;
  readonly name: string;
  readonly immediate: Immediate;
  readonly pops: number;
  /** Bytes that the result takes on the operand stack: 0 for none, 16 for a vector, 8 for everything else. */
  readonly pushes: 0 | 8 | 16;
  readonly cost: CostClass;
}

/** Opcode space of the table: the one-byte opcodes, then those behind 0xFC, then those behind 0xFD. */
export const PREFIX_FC = 0x100;
export const PREFIX_FD = 0x200;
export const OPCODE_SPACE = 0x300;

const row = (
  first: number,
  last: number,
  name: string,
  pops: number,
  pushes: 0 | 8 | 16,
  immediate: Immediate = IMMEDIATE.none,
  cost: CostClass = 'simple',
): OpcodeRow => Object.freeze({ first, last, name, immediate, pops, pushes, cost });

const special = (code: number, name: string, cost: CostClass = 'simple'): OpcodeRow =>
  row(code, code, name, 0, 0, IMMEDIATE.special, cost);

const control = (code: number, name: string, cost: CostClass = 'simple'): OpcodeRow =>
  row(code, code, name, 0, 0, IMMEDIATE.control, cost);

/** 0xFC-prefixed, 0xFD-prefixed. */
const fc = (sub: number): number => PREFIX_FC + sub;
const vectors = (
  first: number,
  last: number,
  name: string,
  pops: number,
  pushes: 0 | 8 | 16 = 16,
): OpcodeRow => row(PREFIX_FD + first, PREFIX_FD + last, name, pops, pushes);

const CONTROL = [
  control(0x00, 'unreachable'),
  row(0x01, 0x01, 'nop', 0, 0, IMMEDIATE.none, 'free'),
  control(0x02, 'block', 'free'),
  control(0x03, 'loop', 'free'),
  control(0x04, 'if'),
  control(0x05, 'else', 'free'),
  control(0x06, 'try', 'free'),
  control(0x07, 'catch', 'free'),
  control(0x08, 'throw', 'throw'),
  control(0x09, 'rethrow', 'throw'),
  control(0x0a, 'throw_ref', 'throw'),
  control(0x0b, 'end', 'free'),
  control(0x0c, 'br'),
  control(0x0d, 'br_if'),
  control(0x0e, 'br_table', 'branchTable'),
  control(0x0f, 'return'),
  control(0x10, 'call', 'call'),
  control(0x11, 'call_indirect', 'callIndirect'),
  control(0x12, 'return_call', 'call'),
  control(0x13, 'return_call_indirect', 'callIndirect'),
  control(0x18, 'delegate', 'free'),
  control(0x19, 'catch_all', 'free'),
  row(0x1a, 0x1a, 'drop', 1, 0),
  special(0x1b, 'select'),
  special(0x1c, 'select (typed)'),
  control(0x1f, 'try_table', 'free'),
  special(0x20, 'local.get'),
  special(0x21, 'local.set'),
  special(0x22, 'local.tee'),
  special(0x23, 'global.get'),
  special(0x24, 'global.set'),
];

const SCALAR = [
  row(0x25, 0x25, 'table.get', 1, 8, IMMEDIATE.index, 'table'),
  row(0x26, 0x26, 'table.set', 2, 0, IMMEDIATE.index, 'table'),
  row(0x28, 0x35, 'load', 1, 8, IMMEDIATE.memoryArgument),
  row(0x36, 0x3e, 'store', 2, 0, IMMEDIATE.memoryArgument),
  row(0x3f, 0x3f, 'memory.size', 0, 8, IMMEDIATE.memory),
  special(0x40, 'memory.grow', 'grow'),
  row(0x41, 0x41, 'i32.const', 0, 8, IMMEDIATE.leb32),
  row(0x42, 0x42, 'i64.const', 0, 8, IMMEDIATE.leb64),
  row(0x43, 0x43, 'f32.const', 0, 8, IMMEDIATE.bytes4),
  row(0x44, 0x44, 'f64.const', 0, 8, IMMEDIATE.bytes8),
  row(0x45, 0x45, 'i32.eqz', 1, 8),
  row(0x46, 0x4f, 'i32 comparison', 2, 8),
  row(0x50, 0x50, 'i64.eqz', 1, 8),
  row(0x51, 0x66, 'comparison', 2, 8),
  row(0x67, 0x69, 'i32 bit count', 1, 8),
  row(0x6a, 0x6c, 'i32 arithmetic', 2, 8),
  row(0x6d, 0x70, 'i32 division', 2, 8, IMMEDIATE.none, 'divide'),
  row(0x71, 0x78, 'i32 logic and shift', 2, 8),
  row(0x79, 0x7b, 'i64 bit count', 1, 8),
  row(0x7c, 0x7e, 'i64 arithmetic', 2, 8),
  row(0x7f, 0x82, 'i64 division', 2, 8, IMMEDIATE.none, 'divide'),
  row(0x83, 0x8a, 'i64 logic and shift', 2, 8),
  row(0x8b, 0x90, 'f32 sign and rounding', 1, 8),
  row(0x91, 0x91, 'f32.sqrt', 1, 8, IMMEDIATE.none, 'divide'),
  row(0x92, 0x94, 'f32 arithmetic', 2, 8),
  row(0x95, 0x95, 'f32.div', 2, 8, IMMEDIATE.none, 'divide'),
  row(0x96, 0x98, 'f32 min, max, copysign', 2, 8),
  row(0x99, 0x9e, 'f64 sign and rounding', 1, 8),
  row(0x9f, 0x9f, 'f64.sqrt', 1, 8, IMMEDIATE.none, 'divide'),
  row(0xa0, 0xa2, 'f64 arithmetic', 2, 8),
  row(0xa3, 0xa3, 'f64.div', 2, 8, IMMEDIATE.none, 'divide'),
  row(0xa4, 0xa6, 'f64 min, max, copysign', 2, 8),
  row(0xa7, 0xbf, 'conversion', 1, 8),
  row(0xc0, 0xc4, 'sign extension', 1, 8),
  row(0xd0, 0xd0, 'ref.null', 0, 8, IMMEDIATE.referenceType),
  row(0xd1, 0xd1, 'ref.is_null', 1, 8),
  row(0xd2, 0xd2, 'ref.func', 0, 8, IMMEDIATE.functionIndex, 'table'),
];

const BULK = [
  row(fc(0), fc(7), 'saturating conversion', 1, 8),
  row(fc(8), fc(8), 'memory.init', 3, 0, IMMEDIATE.dataAndMemory, 'bulk'),
  row(fc(9), fc(9), 'data.drop', 0, 0, IMMEDIATE.index, 'bulk'),
  row(fc(10), fc(10), 'memory.copy', 3, 0, IMMEDIATE.memoryPair, 'bulk'),
  row(fc(11), fc(11), 'memory.fill', 3, 0, IMMEDIATE.memory, 'bulk'),
  row(fc(12), fc(12), 'table.init', 3, 0, IMMEDIATE.indexPair, 'bulk'),
  row(fc(13), fc(13), 'elem.drop', 0, 0, IMMEDIATE.index, 'bulk'),
  row(fc(14), fc(14), 'table.copy', 3, 0, IMMEDIATE.indexPair, 'bulk'),
  special(fc(15), 'table.grow', 'grow'),
  row(fc(16), fc(16), 'table.size', 0, 8, IMMEDIATE.index),
  row(fc(17), fc(17), 'table.fill', 3, 0, IMMEDIATE.index, 'bulk'),
];

const VECTOR = [
  row(PREFIX_FD + 0, PREFIX_FD + 10, 'v128 load', 1, 16, IMMEDIATE.memoryArgument),
  row(PREFIX_FD + 11, PREFIX_FD + 11, 'v128.store', 2, 0, IMMEDIATE.memoryArgument),
  row(PREFIX_FD + 12, PREFIX_FD + 12, 'v128.const', 0, 16, IMMEDIATE.bytes16),
  row(PREFIX_FD + 13, PREFIX_FD + 13, 'i8x16.shuffle', 2, 16, IMMEDIATE.bytes16),
  vectors(14, 14, 'i8x16.swizzle', 2),
  vectors(15, 20, 'splat', 1),
  ...[21, 22, 24, 25, 27, 29, 31, 33].map((sub) =>
    row(PREFIX_FD + sub, PREFIX_FD + sub, 'extract_lane', 1, 8, IMMEDIATE.byte),
  ),
  ...[23, 26, 28, 30, 32, 34].map((sub) =>
    row(PREFIX_FD + sub, PREFIX_FD + sub, 'replace_lane', 2, 16, IMMEDIATE.byte),
  ),
  vectors(35, 76, 'lane comparison', 2),
  vectors(77, 77, 'v128.not', 1),
  vectors(78, 81, 'v128 logic', 2),
  vectors(82, 82, 'v128.bitselect', 3),
  vectors(83, 83, 'v128.any_true', 1, 8),
  row(PREFIX_FD + 84, PREFIX_FD + 87, 'v128 load_lane', 2, 16, IMMEDIATE.memoryArgumentAndLane),
  row(PREFIX_FD + 88, PREFIX_FD + 91, 'v128 store_lane', 2, 0, IMMEDIATE.memoryArgumentAndLane),
  row(PREFIX_FD + 92, PREFIX_FD + 93, 'v128 load_zero', 1, 16, IMMEDIATE.memoryArgument),
  vectors(94, 95, 'f32x4/f64x2 demote, promote', 1),
  vectors(96, 98, 'i8x16 abs, neg, popcnt', 1),
  vectors(99, 100, 'i8x16 all_true, bitmask', 1, 8),
  vectors(101, 102, 'i8x16 narrow', 2),
  vectors(103, 106, 'f32x4 rounding', 1),
  vectors(107, 115, 'i8x16 shift, add, sub', 2),
  vectors(116, 117, 'f64x2 ceil, floor', 1),
  vectors(118, 121, 'i8x16 min, max', 2),
  vectors(122, 122, 'f64x2.trunc', 1),
  vectors(123, 123, 'i8x16.avgr_u', 2),
  vectors(124, 127, 'extadd_pairwise', 1),
  vectors(128, 129, 'i16x8 abs, neg', 1),
  vectors(130, 130, 'i16x8.q15mulr_sat_s', 2),
  vectors(131, 132, 'i16x8 all_true, bitmask', 1, 8),
  vectors(133, 134, 'i16x8 narrow', 2),
  vectors(135, 138, 'i16x8 extend', 1),
  vectors(139, 147, 'i16x8 shift, add, sub', 2),
  vectors(148, 148, 'f64x2.nearest', 1),
  vectors(149, 153, 'i16x8 mul, min, max', 2),
  vectors(155, 159, 'i16x8 avgr_u, extmul', 2),
  vectors(160, 161, 'i32x4 abs, neg', 1),
  vectors(163, 164, 'i32x4 all_true, bitmask', 1, 8),
  vectors(167, 170, 'i32x4 extend', 1),
  vectors(171, 174, 'i32x4 shift, add', 2),
  vectors(177, 177, 'i32x4.sub', 2),
  vectors(181, 186, 'i32x4 mul, min, max, dot', 2),
  vectors(188, 191, 'i32x4 extmul', 2),
  vectors(192, 193, 'i64x2 abs, neg', 1),
  vectors(195, 196, 'i64x2 all_true, bitmask', 1, 8),
  vectors(199, 202, 'i64x2 extend', 1),
  vectors(203, 206, 'i64x2 shift, add', 2),
  vectors(209, 209, 'i64x2.sub', 2),
  vectors(213, 223, 'i64x2 mul, comparison, extmul', 2),
  vectors(224, 225, 'f32x4 abs, neg', 1),
  row(PREFIX_FD + 227, PREFIX_FD + 227, 'f32x4.sqrt', 1, 16, IMMEDIATE.none, 'divide'),
  vectors(228, 230, 'f32x4 add, sub, mul', 2),
  row(PREFIX_FD + 231, PREFIX_FD + 231, 'f32x4.div', 2, 16, IMMEDIATE.none, 'divide'),
  vectors(232, 235, 'f32x4 min, max', 2),
  vectors(236, 237, 'f64x2 abs, neg', 1),
  row(PREFIX_FD + 239, PREFIX_FD + 239, 'f64x2.sqrt', 1, 16, IMMEDIATE.none, 'divide'),
  vectors(240, 242, 'f64x2 add, sub, mul', 2),
  row(PREFIX_FD + 243, PREFIX_FD + 243, 'f64x2.div', 2, 16, IMMEDIATE.none, 'divide'),
  vectors(244, 247, 'f64x2 min, max', 2),
  vectors(248, 255, 'vector conversion', 1),
];

export const OPCODES: readonly OpcodeRow[] = Object.freeze([...CONTROL, ...SCALAR, ...BULK, ...VECTOR]);
