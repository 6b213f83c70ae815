import { BARRIER } from './arrivals.ts';
import { bodyShape, shapeAt } from './block-types.ts';
import { type BodyContext, bodyContext, resetContext } from './body-context.ts';
import type { BodyPlan } from './body-plan.ts';
import { checkIndex } from './constant-expression.ts';
import { ControlFlow } from './control-flow.ts';
import { COST_TABLE } from './cost-table.ts';
import { GROW_FRAME_BYTES } from './grow-functions.ts';
import {
  COSTS,
  HAS_LENGTH,
  IMMEDIATES,
  lengthIsWide,
  POPS,
  PUSHES,
  prefixedOpcode,
  skipImmediate,
  UNKNOWN_OPCODE,
} from './instructions.ts';
import type { MeterLimits } from './limits.ts';
import { Locals } from './locals.ts';
import { MARK } from './marks.ts';
import { IMMEDIATE, OPCODE_SPACE } from './opcodes.ts';
import { type Shape, sizeOf } from './operand-stack.ts';
import type { CodeRange, ModuleSkeleton } from './skeleton.ts';
import { readValueType } from './types.ts';
import { refusedOpcode } from './unsupported.ts';

/**
 * Pass 1: decodes function bodies, finds the straight lines and their cost, and tracks the height of the operand
 * stack. Types are left to the engine, indices are not: metering adds a label, locals, types and globals, and no
 * index that was out of range before may come to mean one of them.
 */
export class BodyDecoder {
  /** Opcodes that occur in the decoded bodies. */
  readonly seen = new Uint8Array(OPCODE_SPACE);
  /** Weight of the heaviest call tree among them that is not counted. */
  uncountedBytes = 0;
  readonly #module: ModuleSkeleton;
  readonly #context: BodyContext;
  readonly #control: ControlFlow;
  readonly #locals: Locals;
  /** How far the indices of the module's own globals move. */
  readonly #globalShift: number;
  /** Longest LEB128 of a memory offset. */
  readonly #offsetBytes: number;

  constructor(module: ModuleSkeleton, limits: MeterLimits, globalShift: number) {
    this.#module = module;
    this.#context = bodyContext(module, limits);
    this.#control = new ControlFlow(this.#context);
    this.#locals = new Locals(limits);
    this.#globalShift = globalShift;
    this.#offsetBytes = module.memories.some((memory) => memory.wide) ? 10 : 5;
  }

  /** `exnref` occurs as a type in the decoded bodies. */
  get usesExnref(): boolean {
    return this.#context.reader.hasReadExnref;
  }

  /** Decodes the body of a function. */
  decode(range: CodeRange, index: number): BodyPlan {
    const { reader, shapes, blocks, lines, facts, reaches } = this.#context;
    const typeIndex = this.#module.functions[index] ?? 0;
    const shape = shapeAt(reader, shapes, typeIndex);
    reader.seek(range.start, range.end);
    resetContext(this.#context);
    const declared = this.#locals.read(reader, shape.params);
    const codeStart = reader.position;
    blocks.open('function', bodyShape(shape), true, lines.weight);
    lines.start(MARK.entry, codeStart, BARRIER);
    lines.cost = Math.floor((this.#locals.count - shape.params.count) / COST_TABLE.localsPerUnit);
    while (blocks.depth > 0) this.#instruction();
    if (reader.position !== range.end)
      throw reader.malformed('malformed-body', 'bytes after the end of a body');
    lines.place(facts);
    const { count: locals } = this.#locals;
    const { marks, homes } = lines;
    const weight = this.#weight(shape);
    // Functions with lower indices are known by now. A function does not know its own reach: recursion is counted.
    const reach = weight + facts.reach;
    const counted = reach > COST_TABLE.frame.uncountedBytes;
    if (!counted) {
      reaches[index] = reach;
      this.uncountedBytes = Math.max(this.uncountedBytes, reach);
    }
    return { range, declared, codeStart, locals, typeIndex, marks, homes, facts, weight, counted };
  }

  /** Bytes of the frame. Parameters count twice and results once more: callers pass them in a place of their own. */
  #weight({ params, results }: Shape): number {
    const values = this.#locals.bytes + params.bytes + results.bytes + this.#context.operands.maxBytes;
    return COST_TABLE.frame.overheadBytes + values;
  }

  #instruction(): void {
    const { reader, operands, lines } = this.#context;
    const at = reader.position;
    let opcode = reader.byte();
    if (opcode >= 0xfb) opcode = prefixedOpcode(reader, opcode);
    const immediate = IMMEDIATES[opcode] as number;
    if (immediate === UNKNOWN_OPCODE) throw refusedOpcode(opcode, at);
    this.seen[opcode] = 1;
    lines.cost += COSTS[opcode] as number;
    if (immediate === IMMEDIATE.control) {
      this.#control.decode(opcode, at);
      return;
    }
    if (immediate === IMMEDIATE.special) {
      this.#special(opcode, at);
      return;
    }
    if (immediate === IMMEDIATE.functionIndex) this.#reference();
    else if (immediate !== IMMEDIATE.none) skipImmediate(reader, immediate, this.#offsetBytes);
    for (let pops = POPS[opcode] as number; pops > 0; pops--) operands.pop();
    const size = PUSHES[opcode] as number;
    if (size > 0) operands.push(size);
    if (HAS_LENGTH[opcode] === 1) this.#length(opcode, at);
  }

  /** Instructions whose operands depend on an index. */
  #special(opcode: number, at: number): void {
    const { reader, operands } = this.#context;
    switch (opcode) {
      case 0x20:
        operands.push(this.#locals.sizeAt(reader));
        break;
      case 0x21:
        this.#locals.sizeAt(reader);
        operands.pop();
        break;
      case 0x22:
        operands.pop();
        operands.push(this.#locals.sizeAt(reader));
        break;
      case 0x23:
        operands.push(this.#globalSize(at));
        break;
      case 0x24:
        this.#globalSize(at);
        operands.pop();
        break;
      case 0x1b:
      case 0x1c:
        this.#select(opcode === 0x1c);
        break;
      case 0x40:
        this.#grow(MARK.memoryGrow, at, this.#index(this.#module.memories.length, 'memory'));
        break;
      default:
        operands.pop();
        this.#grow(MARK.tableGrow, at, this.#index(this.#module.tables.length, 'table'));
        break;
    }
  }

  // Operations that are charged by a length.

  /** One whose immediates have been read. */
  #length(opcode: number, at: number): void {
    const { lines, facts, reader } = this.#context;
    if (!lines.live) return;
    const wide = lengthIsWide(this.#module, at, reader.position, opcode);
    if (wide) facts.hasWideLength = true;
    else facts.hasLength = true;
    lines.marks.add(wide ? MARK.wideLength : MARK.length, at, opcode);
    lines.barrier(MARK.line, reader.position);
  }

  #grow(kind: number, at: number, index: number): void {
    const { lines, facts, operands, reader } = this.#context;
    operands.pop();
    operands.push(COST_TABLE.frame.slotBytes);
    if (!lines.live) return;
    lines.marks.add(kind, at, index);
    if (kind === MARK.memoryGrow) {
      facts.reach = Math.max(facts.reach, GROW_FRAME_BYTES);
      lines.call(MARK.afterGrow, reader.position);
      return;
    }
    if (this.#module.tables[index]?.wide === true) facts.hasWideLength = true;
    else facts.hasLength = true;
    lines.barrier(MARK.line, reader.position);
  }

  // Indices.

  #index(count: number, space: string): number {
    const { reader } = this.#context;
    return checkIndex(reader, reader.u32(), count, space);
  }

  /** The operand of `ref.func`: a function that the module refers to elsewhere, too. */
  #reference(): void {
    const { reader } = this.#context;
    const index = this.#index(this.#module.functions.length, 'function');
    // The start function becomes an export, and would count as referred to from then on.
    if (index === this.#module.start && !this.#module.startIsReferenced) {
      throw reader.malformed('malformed-index', `function ${index} is not declared for ref.func`);
    }
  }

  #globalSize(at: number): number {
    const index = this.#index(this.#module.globals.length, 'global');
    if (this.#globalShift > 0 && index >= this.#module.imported.global) {
      this.#context.lines.marks.add(MARK.global, at, index + this.#globalShift);
    }
    return this.#module.globals[index]?.type === 'v128'
      ? COST_TABLE.frame.vectorBytes
      : COST_TABLE.frame.slotBytes;
  }

  #select(typed: boolean): void {
    const { reader, operands } = this.#context;
    operands.pop();
    const size = Math.max(operands.pop(), operands.pop());
    if (typed && reader.u32() !== 1) {
      throw reader.malformed('malformed-body', 'select has exactly one type');
    }
    operands.push(typed ? sizeOf(readValueType(reader)) : size);
  }
}
