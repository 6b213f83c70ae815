import { checkIndex } from './constant-expression.ts';
import { checkLimit, type MeterLimits } from './limits.ts';
import { type OperandList, sizeOf } from './operand-stack.ts';
import type { Reader } from './reader.ts';
import { I32, I64, readValueType } from './types.ts';
import type { Writer } from './writer.ts';

/** The declared locals of a function: groups of a count and a type. */
export interface DeclaredLocals {
  readonly groups: number;
  /** Where the groups start. */
  readonly start: number;
  /** The last group: where it starts, its count, and the first byte of its type (0 if there is no group). */
  readonly lastStart: number;
  readonly lastCount: number;
  readonly lastType: number;
}

/** Sizes of the parameters and locals of one function. */
export class Locals {
  readonly #limits: MeterLimits;
  #sizes = new Uint8Array(256);
  count = 0;
  bytes = 0;

  constructor(limits: MeterLimits) {
    this.#limits = limits;
  }

  /** Takes the parameters and reads the declared locals. */
  read(reader: Reader, params: OperandList): DeclaredLocals {
    const groups = reader.count(2);
    const start = reader.position;
    let [lastStart, lastCount, lastType] = [start, 0, 0];
    this.count = 0;
    this.bytes = params.bytes;
    this.#add(reader, params.count);
    this.#sizes.set(params.sizes, 0);
    for (let group = 0; group < groups; group++) {
      const first = this.count;
      lastStart = reader.position;
      lastCount = reader.u32();
      lastType = reader.peek();
      const size = sizeOf(readValueType(reader));
      this.#add(reader, lastCount);
      this.#sizes.fill(size, first, this.count);
      this.bytes += lastCount * size;
    }
    return { groups, start, lastStart, lastCount, lastType };
  }

  /** Reads an index and returns the size of that local. */
  sizeAt(reader: Reader): number {
    return this.#sizes[checkIndex(reader, reader.u32(), this.count, 'local')] as number;
  }

  #add(reader: Reader, count: number): void {
    const total = this.count + count;
    checkLimit(this.#limits, 'locals', total, reader.position);
    if (total > this.#sizes.length) {
      const larger = new Uint8Array(Math.max(total, this.#sizes.length * 2));
      larger.set(this.#sizes);
      this.#sizes = larger;
    }
    this.count = total;
  }
}

/**
 * Writes the declared locals of a function with i32 (`narrow`) and i64 (`wide`) ones behind them, in the last group of
 * the declared ones where that has their type. Returns which of the two kinds comes first.
 */
export function writeLocals(
  out: Writer,
  bytes: Uint8Array,
  declared: DeclaredLocals,
  codeStart: number,
  added: { readonly narrow: number; readonly wide: number },
): { readonly narrowFirst: boolean } {
  const narrowFirst = added.narrow > 0 && declared.lastType === I32;
  const groups = [
    { count: added.wide, type: I64 },
    { count: added.narrow, type: I32 },
  ].filter(({ count }) => count > 0);
  if (narrowFirst) groups.reverse();
  const extended = groups[0]?.type === declared.lastType ? groups.shift() : undefined;
  out.u32(declared.groups + groups.length);
  if (extended === undefined) out.copy(bytes, declared.start, codeStart);
  else {
    out.copy(bytes, declared.start, declared.lastStart);
    out.u32(declared.lastCount + extended.count);
    out.byte(extended.type);
  }
  for (const { count, type } of groups) {
    out.u32(count);
    out.byte(type);
  }
  return { narrowFirst };
}
