import { type CostClass, OPCODES } from './opcodes.ts';
import { sha256Hex } from './sha256.ts';

/** Cost classes of single instructions, in fuel. One unit is about one simple instruction. */
const INSTRUCTION_COSTS = Object.freeze({
  /** Structure that produces no code: block, loop, else, end, nop. */
  free: 0,
  simple: 1,
  branchTable: 2,
  /** Division, remainder and square root: an order of magnitude slower than an addition. */
  divide: 4,
  /** Reading or writing a table or making a function reference. */
  table: 4,
  call: 4,
  callIndirect: 6,
  /** The fixed part of a bulk operation. */
  bulk: 4,
  /** The fixed part of memory.grow and table.grow. */
  grow: 16,
  /** Throwing an exception: the engine makes an object and unwinds the stack, 0.4 µs for one frame. */
  throw: 4_096,
} as const satisfies Record<CostClass, number>);

/** The part of a cost that depends on an operand: `(length × multiplier) >> shift`, length unsigned. */
export interface LengthCost {
  readonly multiplier: number;
  readonly shift: number;
}

const perItem = (multiplier: number, shift = 0): LengthCost => Object.freeze({ multiplier, shift });

/**
 * What everything costs. Changing a number changes the hash, so that a receipt says by which table it was charged.
 * Rates come from measured times on V8: a bulk byte 18–39 ps, a simple instruction 25–250 ps, a fresh page 40 µs.
 */
export const COST_TABLE = Object.freeze({
  version: 3,
  instructions: INSTRUCTION_COSTS,
  lengths: Object.freeze({
    'memory.init': perItem(1, 1),
    'memory.copy': perItem(1, 1),
    'memory.fill': perItem(1, 1),
    'table.init': perItem(4),
    'table.copy': perItem(4),
    'table.fill': perItem(4),
    /** Per page of a growth that stays within the declared maximum; one that cannot succeed pays the fixed part only. */
    'memory.grow': perItem(65_536),
    /** Per element, under the same rule. */
    'table.grow': perItem(32),
  }),
  /** Entering a function zeroes its declared locals: one unit per this many, rounded down. */
  localsPerUnit: 4,
  /**
   * Weight of a live frame against the depth limit, in bytes. A function that with all it can call takes no more than
   * `uncountedBytes` is not counted at its calls: there is never more than one of these on the stack, with what it called,
   * and the host sets so much aside for it.
   */
  frame: Object.freeze({ overheadBytes: 96, slotBytes: 8, vectorBytes: 16, uncountedBytes: 1_024 }),
});

export type LengthCostName = keyof typeof COST_TABLE.lengths;

/** Cost of an instruction without its length part, for rows of `OPCODES`. */
export function instructionCost(cost: CostClass): number {
  return INSTRUCTION_COSTS[cost];
}

/** SHA-256 of the whole table, opcode by opcode: `sha256:…`. Part of cache keys and receipts. */
export const COST_TABLE_HASH: string = `sha256:${sha256Hex(
  JSON.stringify([COST_TABLE, OPCODES.map((row) => [row.first, row.last, INSTRUCTION_COSTS[row.cost]])]),
)}`;
