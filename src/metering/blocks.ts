import type { OperandList, OperandStack, Shape } from './operand-stack.ts';

export type BlockKind = 'function' | 'block' | 'loop' | 'if' | 'else' | 'try' | 'catch';

/** No branch that can run leads to the block's end yet. */
export const NO_ARRIVAL = -1;

/** One open block. The objects are reused: a body opens thousands. */
export interface Block {
  kind: BlockKind;
  shape: Shape;
  base: number;
  baseBytes: number;
  /** The enclosing block was polymorphic when this one opened. */
  outerPolymorphic: boolean;
  /** The block was entered by code that can run. */
  live: boolean;
  /** How often the code before it is expected to run. */
  weight: number;
  /** Where branches to the block's end arrive (`lines.ts`). */
  arrival: number;
  /** How often they are expected to. */
  inflow: number;
  /** The same for both arms of an `if`. */
  otherwise: number;
  /** The mark and the first line of a loop that can run, and how many branches lead back to it: unconditional ones, and others. */
  loopMark: number;
  loopLine: number;
  repeats: number;
  otherRepeats: number;
  /** A call in it can run. */
  hasCall: boolean;
}

const NONE: OperandList = { count: 0, sizes: new Uint8Array(0), bytes: 0 };
const EMPTY: Shape = { params: NONE, results: NONE };

/** The open blocks of one function. No recursion: hostile nesting costs an array slot each. */
export class BlockStack {
  readonly #blocks: Block[] = [];
  #operands: OperandStack;
  depth = 0;

  constructor(operands: OperandStack) {
    this.#operands = operands;
  }

  /** Opens a block whose parameters are on the operand stack. */
  open(kind: BlockKind, shape: Shape, live: boolean, weight: number): void {
    const operands = this.#operands;
    operands.popAll(shape.params);
    const block = this.#slot();
    block.kind = kind;
    block.shape = shape;
    block.base = operands.height;
    block.baseBytes = operands.bytes;
    block.outerPolymorphic = operands.polymorphic;
    block.live = live;
    block.weight = weight;
    block.arrival = NO_ARRIVAL;
    block.inflow = 0;
    block.repeats = 0;
    block.otherRepeats = 0;
    block.hasCall = false;
    operands.enter(block.base, block.baseBytes, false);
    operands.pushAll(shape.params);
  }

  /** The innermost block. */
  top(): Block {
    return this.at(0);
  }

  /** The block that label `label` refers to. The caller has checked that it exists. */
  at(label: number): Block {
    return this.#blocks[this.depth - 1 - label] as Block;
  }

  /** The second arm of the innermost `if`. */
  turnToElse(): void {
    const block = this.top();
    this.#operands.expectOnly(block.shape.results);
    block.kind = 'else';
    this.#operands.restart();
    this.#operands.pushAll(block.shape.params);
  }

  /** The next handler of the innermost legacy `try`. */
  turnToCatch(): void {
    const block = this.top();
    this.#operands.expectOnly(block.shape.results);
    block.kind = 'catch';
    this.#operands.restart();
  }

  /** Closes the innermost block and leaves its results on the operand stack. */
  close(): Block {
    const block = this.top();
    const operands = this.#operands;
    operands.expectOnly(block.shape.results);
    operands.restart();
    this.depth--;
    const outer = this.depth > 0 ? this.top() : undefined;
    operands.enter(outer?.base ?? 0, outer?.baseBytes ?? 0, block.outerPolymorphic);
    operands.pushAll(block.shape.results);
    return block;
  }

  #slot(): Block {
    const reused = this.#blocks[this.depth];
    const block = reused ?? {
      kind: 'block',
      shape: EMPTY,
      base: 0,
      baseBytes: 0,
      outerPolymorphic: false,
      live: false,
      weight: 1,
      arrival: NO_ARRIVAL,
      inflow: 0,
      otherwise: NO_ARRIVAL,
      loopMark: 0,
      loopLine: 0,
      repeats: 0,
      otherRepeats: 0,
      hasCall: false,
    };
    this.#blocks[this.depth++] = block;
    return block;
  }
}
