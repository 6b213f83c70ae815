import type { AddedTypes } from './added-types.ts';
import { COST_TABLE } from './cost-table.ts';
import { indexed, OP } from './emitted-opcodes.ts';
import { LengthCharges } from './length-charges.ts';
import { MARK } from './marks.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { EMPTY_BLOCK, I32, I64 } from './types.ts';
import { Writer } from './writer.ts';

const { overheadBytes, slotBytes } = COST_TABLE.frame;

/** Weight of the frame of one of `GrowFunctions`: a parameter, a result, four operands. */
export const GROW_FRAME_BYTES = overheadBytes + slotBytes * (2 + 1 + 4);

/** The counters that a growth touches. */
interface GrowCounters {
  readonly fuelGlobal: number;
  readonly deniedGrowGlobal: number;
}

/**
 * The functions that stand for `memory.grow`, one for each memory that grows, behind the module's own. A growth takes
 * microseconds and is compiled into many places: a call costs it nothing and saves 40 bytes in each.
 *
 *     fuel −= charge(delta); trap if that is below zero
 *     result = memory.grow(delta)
 *     denied |= result               // below zero from −1 on
 */
export class GrowFunctions {
  readonly #module: ModuleSkeleton;
  readonly #counters: GrowCounters;
  readonly #memories: number[] = [];

  constructor(module: ModuleSkeleton, counters: GrowCounters) {
    this.#module = module;
    this.#counters = counters;
  }

  /** Number of functions that have to be appended. */
  get added(): number {
    return this.#memories.length;
  }

  /** The function that grows the given memory. */
  indexFor(memory: number): number {
    let place = this.#memories.indexOf(memory);
    if (place === -1) place = this.#memories.push(memory) - 1;
    return this.#module.functions.length + place;
  }

  /** Writes the items of the function section. */
  writeTypeIndices(out: Writer, types: AddedTypes): void {
    for (const memory of this.#memories) {
      const size = Uint8Array.of(this.#isWide(memory) ? I64 : I32);
      out.u32(types.indexOf({ params: size, results: size }));
    }
  }

  /** Writes the items of the code section. */
  writeBodies(out: Writer): void {
    for (const memory of this.#memories) {
      const body = new Writer();
      body.byte(0);
      this.#charge(body, memory);
      this.#grow(body, memory);
      body.byte(OP.end);
      out.u32(body.length);
      out.append(body);
    }
  }

  #charge(out: Writer, memory: number): void {
    const { fuelGlobal } = this.#counters;
    indexed(out, OP.globalGet, fuelGlobal);
    new LengthCharges(this.#module, out).write(MARK.memoryGrow, memory, DELTA);
    out.byte(OP.i64Sub);
    indexed(out, OP.globalSet, fuelGlobal);
    indexed(out, OP.globalGet, fuelGlobal);
    out.pair(OP.i64Const, 0);
    out.byte(OP.i64LtS);
    out.pair(OP.if, EMPTY_BLOCK);
    out.pair(OP.unreachable, OP.end);
  }

  #grow(out: Writer, memory: number): void {
    const { deniedGrowGlobal } = this.#counters;
    indexed(out, OP.localGet, DELTA);
    indexed(out, OP.memoryGrow, memory);
    indexed(out, OP.localTee, DELTA);
    indexed(out, OP.localGet, DELTA);
    if (this.#isWide(memory)) out.byte(OP.i32WrapI64);
    indexed(out, OP.globalGet, deniedGrowGlobal);
    out.byte(OP.i32Or);
    indexed(out, OP.globalSet, deniedGrowGlobal);
  }

  #isWide(memory: number): boolean {
    return this.#module.memories[memory]?.wide === true;
  }
}

/** The parameter, and then the result. */
const DELTA = 0;
