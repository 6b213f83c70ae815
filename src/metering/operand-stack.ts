import { COST_TABLE } from './cost-table.ts';
import { MeteringError } from './errors.ts';
import { checkLimit, type MeterLimits } from './limits.ts';
import { type FunctionType, V128 } from './types.ts';

/** Operands of one list of types: how many, the size of each on the stack, and all together in bytes. */
export interface OperandList {
  readonly count: number;
  readonly sizes: Uint8Array;
  readonly bytes: number;
}

/** What a block or function takes and leaves. */
export interface Shape {
  readonly params: OperandList;
  readonly results: OperandList;
}

/** Bytes that a value of the type takes in a frame. */
export function sizeOf(type: number): number {
  return type === V128 ? COST_TABLE.frame.vectorBytes : COST_TABLE.frame.slotBytes;
}

export function operandList(types: Uint8Array): OperandList {
  const sizes = types.map(sizeOf);
  return { count: types.length, sizes, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

export function shapeOf(type: FunctionType): Shape {
  return { params: operandList(type.params), results: operandList(type.results) };
}

/**
 * The operand stack of one function while it is decoded: sizes, not types (the engine checks types). After an
 * unconditional branch a frame is polymorphic: popping below its base yields operands out of nothing.
 */
export class OperandStack {
  readonly #limits: MeterLimits;
  #sizes: Uint8Array;
  #height = 0;
  #bytes = 0;
  #maxBytes = 0;
  #base = 0;
  #baseBytes = 0;
  #polymorphic = false;

  constructor(limits: MeterLimits) {
    this.#limits = limits;
    this.#sizes = new Uint8Array(Math.min(256, limits.operands));
  }

  get height(): number {
    return this.#height;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The tallest the stack has been since `reset`. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  get polymorphic(): boolean {
    return this.#polymorphic;
  }

  reset(): void {
    this.#height = 0;
    this.#bytes = 0;
    this.#maxBytes = 0;
    this.enter(0, 0, false);
  }

  /** Makes the part above `base` the current block's own. */
  enter(base: number, baseBytes: number, polymorphic: boolean): void {
    this.#base = base;
    this.#baseBytes = baseBytes;
    this.#polymorphic = polymorphic;
  }

  /** Drops the current block's operands: what follows cannot be reached. */
  makePolymorphic(): void {
    this.#height = this.#base;
    this.#bytes = this.#baseBytes;
    this.#polymorphic = true;
  }

  /** Back to the base, for the second arm of an `if`. */
  restart(): void {
    this.#height = this.#base;
    this.#bytes = this.#baseBytes;
    this.#polymorphic = false;
  }

  push(size: number): void {
    if (this.#height === this.#sizes.length) this.#grow(1);
    this.#sizes[this.#height++] = size;
    this.#bytes += size;
    if (this.#bytes > this.#maxBytes) this.#maxBytes = this.#bytes;
  }

  /** Takes one operand and returns its size. */
  pop(): number {
    if (this.#height > this.#base) {
      const size = this.#sizes[--this.#height] as number;
      this.#bytes -= size;
      return size;
    }
    if (!this.#polymorphic) throw underflow();
    return COST_TABLE.frame.slotBytes;
  }

  pushAll(list: OperandList): void {
    if (list.count === 0) return;
    if (this.#height + list.count > this.#sizes.length) this.#grow(list.count);
    this.#sizes.set(list.sizes, this.#height);
    this.#height += list.count;
    this.#bytes += list.bytes;
    if (this.#bytes > this.#maxBytes) this.#maxBytes = this.#bytes;
  }

  popAll(list: OperandList): void {
    if (this.#height - this.#base >= list.count) {
      this.#height -= list.count;
      this.#bytes -= list.bytes;
      return;
    }
    if (!this.#polymorphic) throw underflow();
    this.#height = this.#base;
    this.#bytes = this.#baseBytes;
  }

  /** At the end of a block: exactly its results are left, or could be. */
  expectOnly(list: OperandList): void {
    const own = this.#height - this.#base;
    if (own === list.count || (this.#polymorphic && own < list.count)) return;
    throw new MeteringError('malformed-body', `a block ends with ${own} operands, expected ${list.count}`);
  }

  #grow(count: number): void {
    checkLimit(this.#limits, 'operands', this.#height + count);
    const capacity = Math.max(this.#sizes.length * 2, this.#height + count);
    const larger = new Uint8Array(Math.min(capacity, this.#limits.operands));
    larger.set(this.#sizes);
    this.#sizes = larger;
  }
}

const underflow = (): MeteringError => new MeteringError('malformed-body', 'an instruction lacks operands');
