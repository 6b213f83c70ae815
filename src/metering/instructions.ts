import { COST_TABLE, instructionCost, type LengthCost, type LengthCostName } from './cost-table.ts';
import { IMMEDIATE, OPCODE_SPACE, OPCODES, type OpcodeRow, PREFIX_FC, PREFIX_FD } from './opcodes.ts';
import { Reader } from './reader.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { readNullType } from './types.ts';
import { refusedOpcode } from './unsupported.ts';

/** The opcode table spread out by opcode, for the decoder's inner loop. An opcode without a row has no immediate. */
const column = (value: (row: OpcodeRow) => number, missing = 0): Uint16Array => {
  const values = new Uint16Array(OPCODE_SPACE).fill(missing);
  for (const row of OPCODES) values.fill(value(row), row.first, row.last + 1);
  return values;
};

export const UNKNOWN_OPCODE = 0xff;
export const IMMEDIATES = column((row) => row.immediate, UNKNOWN_OPCODE);
export const POPS = column((row) => row.pops);
export const PUSHES = column((row) => row.pushes);
export const COSTS = column((row) => instructionCost(row.cost));

/** Opcodes whose cost depends on the length on top of the operand stack. */
export const LENGTH_COSTS: ReadonlyMap<number, LengthCost> = new Map(
  OPCODES.filter((row) => row.name in COST_TABLE.lengths).map((row) => [
    row.first,
    COST_TABLE.lengths[row.name as LengthCostName],
  ]),
);

/** True for opcodes in `LENGTH_COSTS`: a cheap test for the inner loop. */
export const HAS_LENGTH = column((row) => (LENGTH_COSTS.has(row.first) ? 1 : 0));

/** Folds a prefix byte that was just read, and the number behind it, into the opcode space of the table. */
export function prefixedOpcode(reader: Reader, prefix: number): number {
  const offset = reader.position - 1;
  if (prefix !== 0xfc && prefix !== 0xfd) throw refusedOpcode(prefix, offset);
  const sub = reader.u32();
  if (prefix === 0xfc) return sub < 0x100 ? PREFIX_FC + sub : PREFIX_FD - 1;
  if (sub < 0x100) return PREFIX_FD + sub;
  throw reader.malformed('unsupported-relaxed-simd', `opcode 0xfd ${sub} is not supported`);
}

/** Passes over the immediates of an instruction that has no rule of its own. `offsetBytes`: of a memory offset, at most. */
export function skipImmediate(reader: Reader, immediate: number, offsetBytes: number): void {
  switch (immediate) {
    case IMMEDIATE.leb32:
      reader.skipLeb(5);
      break;
    case IMMEDIATE.memoryArgument:
      skipMemoryArgument(reader, offsetBytes);
      break;
    case IMMEDIATE.leb64:
      reader.skipLeb(10);
      break;
    case IMMEDIATE.bytes4:
      reader.skip(4);
      break;
    case IMMEDIATE.bytes8:
      reader.skip(8);
      break;
    case IMMEDIATE.bytes16:
      reader.skip(16);
      break;
    case IMMEDIATE.memoryArgumentAndLane:
      skipMemoryArgument(reader, offsetBytes);
      reader.skip(1);
      break;
    case IMMEDIATE.byte:
      reader.skip(1);
      break;
    case IMMEDIATE.referenceType:
      readNullType(reader);
      break;
    case IMMEDIATE.memory:
    case IMMEDIATE.index:
      reader.skipLeb(5);
      break;
    case IMMEDIATE.memoryPair:
    case IMMEDIATE.dataAndMemory:
    case IMMEDIATE.indexPair:
      reader.skipLeb(5);
      reader.skipLeb(5);
      break;
    default:
      break;
  }
}

/** Alignment and offset, with the memory index between them when bit 6 of the alignment says so. */
function skipMemoryArgument(reader: Reader, offsetBytes: number): void {
  const alignment = reader.u32();
  if ((alignment & 0x40) !== 0) reader.skipLeb(5);
  reader.skipLeb(offsetBytes);
}

const [MEMORY_COPY, MEMORY_FILL, TABLE_COPY, TABLE_FILL] = [10, 11, 14, 17].map((sub) => PREFIX_FC + sub);

/**
 * Whether the length of an operation at `[start, end)` has 64 bits: that of a fill if what it fills has 64-bit addresses,
 * that of a copy if both sides have, that of an init never.
 */
export function lengthIsWide(module: ModuleSkeleton, start: number, end: number, opcode: number): boolean {
  const isCopy = opcode === MEMORY_COPY || opcode === TABLE_COPY;
  if (!isCopy && opcode !== MEMORY_FILL && opcode !== TABLE_FILL) return false;
  const space = opcode === MEMORY_COPY || opcode === MEMORY_FILL ? module.memories : module.tables;
  if (!space.some(({ wide }) => wide)) return false;
  const immediates = new Reader(module.bytes, start + 1, end);
  immediates.u32();
  const first = space[immediates.u32()]?.wide === true;
  return first && (!isCopy || space[immediates.u32()]?.wide === true);
}
