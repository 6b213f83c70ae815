import { COST_TABLE } from '../../../src/metering/index.ts';

const { instructions } = COST_TABLE;

/** The published cost of an instruction, by a classification that is written down here a second time on purpose. */
export function cost(opcode: number): number {
  // block, loop, else, end, nop; try, catch, delegate, catch_all, try_table
  if ([0x01, 0x02, 0x03, 0x05, 0x0b].includes(opcode)) return instructions.free;
  if ([0x06, 0x07, 0x18, 0x19, 0x1f].includes(opcode)) return instructions.free;
  if (opcode >= 0x08 && opcode <= 0x0a) return instructions.throw;
  if (opcode === 0x0e) return instructions.branchTable;
  if (opcode === 0x10 || opcode === 0x12) return instructions.call;
  if (opcode === 0x11 || opcode === 0x13) return instructions.callIndirect;
  if (opcode === 0x40 || opcode === 0x10f) return instructions.grow;
  if (isDivision(opcode)) return instructions.divide;
  if (opcode >= 0x108 && opcode <= 0x111 && opcode !== 0x110) return instructions.bulk;
  if (opcode === 0x25 || opcode === 0x26 || opcode === 0xd2) return instructions.table;
  return instructions.simple;
}

/** Integer division and remainder, float division, square root. */
function isDivision(opcode: number): boolean {
  return (
    (opcode >= 0x6d && opcode <= 0x70) ||
    (opcode >= 0x7f && opcode <= 0x82) ||
    [0x91, 0x95, 0x9f, 0xa3].includes(opcode) ||
    // f32x4 and f64x2 sqrt and div
    [0x2e3, 0x2e7, 0x2ef, 0x2f3].includes(opcode)
  );
}
