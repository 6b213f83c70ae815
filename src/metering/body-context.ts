import { BlockStack } from './blocks.ts';
import type { MeterLimits } from './limits.ts';
import { Lines } from './lines.ts';
import { OperandStack, type Shape, shapeOf } from './operand-stack.ts';
import { Reader } from './reader.ts';
import type { ModuleSkeleton } from './skeleton.ts';

/** What the decoders of function bodies share. One for a module; its lists are reused from body to body. */
export interface BodyContext {
  readonly module: ModuleSkeleton;
  readonly limits: MeterLimits;
  readonly reader: Reader;
  /** Of each type, and of each tag. */
  readonly shapes: readonly Shape[];
  readonly operands: OperandStack;
  readonly blocks: BlockStack;
  readonly lines: Lines;
  readonly facts: BodyFacts;
  /** By function: bytes of stack that a call of it can take at most, where that is known to be little. */
  readonly reaches: Float64Array;
}

/** The reach of a function that may call itself, the host, or whatever a table holds. */
export const UNBOUNDED = Number.POSITIVE_INFINITY;

/** What is found out about the current body. */
export interface BodyFacts {
  hasCall: boolean;
  hasLoop: boolean;
  /** Operations charged by a length of 32 bits, and of 64. */
  hasLength: boolean;
  hasWideLength: boolean;
  /** A place where an exception is caught: the counters may have changed meanwhile. */
  hasCatch: boolean;
  /** The largest reach of the functions that are called. */
  reach: number;
  /** A return or a branch to the function's own label: they need a common exit. */
  leavesEarly: boolean;
  /** The end of the body can be reached by falling through. */
  fallsThrough: boolean;
}

export function bodyContext(module: ModuleSkeleton, limits: MeterLimits): BodyContext {
  const operands = new OperandStack(limits);
  const blocks = new BlockStack(operands);
  return {
    module,
    limits,
    reader: new Reader(module.bytes),
    shapes: module.types.map(shapeOf),
    operands,
    blocks,
    lines: new Lines(blocks),
    facts: noFacts(),
    reaches: new Float64Array(module.functions.length).fill(UNBOUNDED),
  };
}

/** Forgets the last body. */
export function resetContext({ operands, blocks, lines, facts }: BodyContext): void {
  operands.reset();
  blocks.depth = 0;
  lines.clear();
  Object.assign(facts, noFacts());
}

const noFacts = (): BodyFacts => ({
  hasCall: false,
  hasLoop: false,
  hasLength: false,
  hasWideLength: false,
  hasCatch: false,
  reach: 0,
  leavesEarly: false,
  fallsThrough: false,
});
