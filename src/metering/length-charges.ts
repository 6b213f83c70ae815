import { COST_TABLE, type LengthCost } from './cost-table.ts';
import { indexed, OP } from './emitted-opcodes.ts';
import { LENGTH_COSTS } from './instructions.ts';
import { MARK } from './marks.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { maximumElements, maximumPages } from './types.ts';
import type { Writer } from './writer.ts';

/** A 64-bit length beyond this is charged like it: no engine has that much, the operation traps. */
const LONGEST = 2 ** 48;

/**
 * Writes the cost of operations that are charged by a length: an i64 on the operand stack, made from the length, which
 * lies in a local. Products stay below 2⁵².
 */
export class LengthCharges {
  readonly #module: ModuleSkeleton;
  readonly #out: Writer;

  constructor(module: ModuleSkeleton, out: Writer) {
    this.#module = module;
    this.#out = out;
  }

  /** Whether the length has 64 bits. */
  isWide(kind: number, value: number): boolean {
    if (kind === MARK.memoryGrow) return this.#module.memories[value]?.wide === true;
    if (kind === MARK.tableGrow) return this.#module.tables[value]?.wide === true;
    return kind === MARK.wideLength;
  }

  /** `value`: the opcode, or the index of what grows. */
  write(kind: number, value: number, local: number): void {
    const wide = this.isWide(kind, value);
    if (kind === MARK.memoryGrow || kind === MARK.tableGrow) {
      this.#growth(kind === MARK.memoryGrow, value, local, wide);
      return;
    }
    this.#length(local, wide);
    if (wide) this.#cap(local);
    this.#scale(LENGTH_COSTS.get(value) ?? FREE);
  }

  /** With a 64-bit length on the operand stack: the smaller of it and the longest. */
  #cap(local: number): void {
    const out = this.#out;
    out.byte(OP.i64Const);
    out.signed(LONGEST);
    indexed(out, OP.localGet, local);
    out.byte(OP.i64Const);
    out.signed(LONGEST);
    out.pair(OP.i64LtU, OP.select);
  }

  /** The cost of a growth, or 0 if it must fail: `delta × (max − size ≥ delta) × rate`. */
  #growth(isMemory: boolean, index: number, local: number, wide: boolean): void {
    const out = this.#out;
    const space = isMemory ? this.#module.memories : this.#module.tables;
    const type = space[index];
    const most = type === undefined ? 0 : isMemory ? maximumPages(type) : maximumElements(type);
    const narrow = !wide && most < 2 ** 31;
    this.#length(local, wide);
    out.byte(narrow ? OP.i32Const : OP.i64Const);
    out.signed(most);
    if (isMemory) out.byte(OP.memorySize);
    else out.pair(OP.prefixFc, OP.tableSize);
    out.u32(index);
    if (!narrow && !wide) out.byte(OP.i64ExtendI32U);
    out.byte(narrow ? OP.i32Sub : OP.i64Sub);
    this.#length(local, narrow || wide);
    out.byte(narrow ? OP.i32GeU : OP.i64GeU);
    out.pair(OP.i64ExtendI32U, OP.i64Mul);
    this.#scale(isMemory ? COST_TABLE.lengths['memory.grow'] : COST_TABLE.lengths['table.grow']);
  }

  #length(local: number, asItIs: boolean): void {
    indexed(this.#out, OP.localGet, local);
    if (!asItIs) this.#out.byte(OP.i64ExtendI32U);
  }

  #scale(rate: LengthCost): void {
    const out = this.#out;
    if (rate.multiplier !== 1) {
      const shift = Math.log2(rate.multiplier);
      out.byte(OP.i64Const);
      out.signed(Number.isInteger(shift) ? shift : rate.multiplier);
      out.byte(Number.isInteger(shift) ? OP.i64Shl : OP.i64Mul);
    }
    if (rate.shift !== 0) {
      out.byte(OP.i64Const);
      out.signed(rate.shift);
      out.byte(OP.i64ShrU);
    }
  }
}

const FREE: LengthCost = { multiplier: 0, shift: 0 };
