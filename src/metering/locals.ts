import { checkIndex } from './constant-expression.ts';
import { checkLimit, type MeterLimits } from './limits.ts';
import { type OperandList, sizeOf } from './operand-stack.ts';
import type { Reader } from './reader.ts';
import { readValueType } from './types.ts';

/** Sizes of the parameters and locals of one function. */
export class Locals {
  readonly #limits: MeterLimits;
  #sizes = new Uint8Array(256);
  count = 0;
  bytes = 0;

  constructor(limits: MeterLimits) {
    this.#limits = limits;
  }

  /** Takes the parameters and reads the given number of groups of declared locals. */
  read(reader: Reader, params: OperandList, groups: number): void {
    this.count = 0;
    this.bytes = params.bytes;
    this.#add(reader, params.count);
    this.#sizes.set(params.sizes, 0);
    for (let group = 0; group < groups; group++) {
      const first = this.count;
      const count = reader.u32();
      const size = sizeOf(readValueType(reader));
      this.#add(reader, count);
      this.#sizes.fill(size, first, this.count);
      this.bytes += count * size;
    }
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
