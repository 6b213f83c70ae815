import { bodyShape, readBlockShape, shapeAt } from './block-types.ts';
import { BlockStack } from './blocks.ts';
import type { BodyPlan } from './body-plan.ts';
import { checkIndex } from './constant-expression.ts';
import { COST_TABLE } from './cost-table.ts';
import {
  COSTS,
  HAS_LENGTH,
  IMMEDIATES,
  POPS,
  PUSHES,
  prefixedOpcode,
  skipImmediate,
  UNKNOWN_OPCODE,
} from './instructions.ts';
import { checkLimit, type MeterLimits } from './limits.ts';
import { Lines } from './lines.ts';
import { Locals } from './locals.ts';
import { MARK } from './marks.ts';
import { IMMEDIATE, OPCODE_SPACE } from './opcodes.ts';
import { OperandStack, type Shape, shapeOf, sizeOf } from './operand-stack.ts';
import { Reader } from './reader.ts';
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
  readonly #module: ModuleSkeleton;
  readonly #limits: MeterLimits;
  readonly #reader: Reader;
  readonly #shapes: readonly Shape[];
  readonly #operands: OperandStack;
  readonly #blocks: BlockStack;
  readonly #lines = new Lines();
  readonly #locals: Locals;
  #hasCall = false;
  #hasLoop = false;
  #hasBulk = false;
  #leavesEarly = false;
  #fallsThrough = false;

  constructor(module: ModuleSkeleton, limits: MeterLimits) {
    this.#module = module;
    this.#limits = limits;
    this.#reader = new Reader(module.bytes);
    this.#shapes = module.types.map(shapeOf);
    this.#operands = new OperandStack(limits);
    this.#blocks = new BlockStack(this.#operands);
    this.#locals = new Locals(limits);
  }

  /** Decodes one body. `typeIndex` is the function's type. */
  decode(range: CodeRange, typeIndex: number): BodyPlan {
    const reader = this.#reader;
    const shape = shapeAt(this.#reader, this.#shapes, typeIndex);
    reader.seek(range.start, range.end);
    this.#reset();
    const localGroups = reader.count(2);
    const localsStart = reader.position;
    this.#locals.read(reader, shape.params, localGroups);
    const codeStart = reader.position;
    this.#blocks.open('function', bodyShape(shape), true);
    this.#lines.start(MARK.entry, codeStart);
    this.#lines.cost = Math.floor((this.#locals.count - shape.params.count) / COST_TABLE.localsPerUnit);
    while (this.#blocks.depth > 0) this.#instruction();
    if (reader.position !== range.end)
      throw reader.malformed('malformed-body', 'bytes after the end of a body');
    return {
      range,
      localGroups,
      localsStart,
      codeStart,
      locals: this.#locals.count,
      typeIndex,
      marks: this.#lines.marks,
      hasCall: this.#hasCall,
      hasLoop: this.#hasLoop,
      hasBulk: this.#hasBulk,
      leavesEarly: this.#leavesEarly,
      fallsThrough: this.#fallsThrough,
      weight: this.#weight(shape),
    };
  }

  /** Bytes of the frame. Parameters count twice and results once more: callers pass them in a place of their own. */
  #weight({ params, results }: Shape): number {
    const values = this.#locals.bytes + params.bytes + results.bytes + this.#operands.maxBytes;
    return COST_TABLE.frame.overheadBytes + values;
  }

  #reset(): void {
    this.#operands.reset();
    this.#blocks.depth = 0;
    this.#lines.clear();
    this.#hasCall = false;
    this.#hasLoop = false;
    this.#hasBulk = false;
    this.#leavesEarly = false;
    this.#fallsThrough = false;
  }

  #instruction(): void {
    const reader = this.#reader;
    const at = reader.position;
    let opcode = reader.byte();
    if (opcode >= 0xfb) opcode = prefixedOpcode(reader, opcode);
    const immediate = IMMEDIATES[opcode] as number;
    if (immediate === UNKNOWN_OPCODE) throw refusedOpcode(opcode, at);
    this.seen[opcode] = 1;
    this.#lines.cost += COSTS[opcode] as number;
    if (immediate === IMMEDIATE.special) {
      this.#special(opcode, at);
      return;
    }
    if (immediate === IMMEDIATE.functionIndex) this.#index(this.#module.functions.length, 'function');
    else if (immediate !== IMMEDIATE.none) skipImmediate(reader, immediate);
    for (let pops = POPS[opcode] as number; pops > 0; pops--) this.#operands.pop();
    const size = PUSHES[opcode] as number;
    if (size > 0) this.#operands.push(size);
    if (HAS_LENGTH[opcode] === 1) this.#bulk(MARK.bulk, at, opcode);
  }

  /** Instructions with a rule of their own. */
  #special(opcode: number, at: number): void {
    switch (opcode) {
      case 0x20:
        this.#operands.push(this.#locals.sizeAt(this.#reader));
        break;
      case 0x21:
        this.#locals.sizeAt(this.#reader);
        this.#operands.pop();
        break;
      case 0x22:
        this.#operands.pop();
        this.#operands.push(this.#locals.sizeAt(this.#reader));
        break;
      case 0x23:
        this.#operands.push(this.#globalSize());
        break;
      case 0x24:
        this.#globalSize();
        this.#operands.pop();
        break;
      case 0x1a:
        this.#operands.pop();
        break;
      case 0x1b:
      case 0x1c:
        this.#select(opcode === 0x1c);
        break;
      case 0x01:
        break;
      default:
        this.#control(opcode, at);
        break;
    }
  }

  #control(opcode: number, at: number): void {
    switch (opcode) {
      case 0x00:
        this.#leave();
        break;
      case 0x02:
        this.#openBlock();
        break;
      case 0x03:
        this.#openLoop();
        break;
      case 0x04:
        this.#openIf();
        break;
      case 0x05:
        this.#else();
        break;
      case 0x0b:
        this.#end(at);
        break;
      case 0x0c:
        this.#target();
        this.#leave();
        break;
      case 0x0d:
        this.#operands.pop();
        this.#target();
        this.#lines.next(MARK.line, this.#reader.position);
        break;
      case 0x0e:
        this.#branchTable();
        break;
      case 0x0f:
        this.#return(at);
        break;
      default:
        this.#callOrGrow(opcode, at);
        break;
    }
  }

  #callOrGrow(opcode: number, at: number): void {
    switch (opcode) {
      case 0x10:
        this.#call(at, false);
        break;
      case 0x11:
        this.#callIndirect(at, false);
        break;
      case 0x12:
        this.#call(at, true);
        break;
      case 0x13:
        this.#callIndirect(at, true);
        break;
      case 0x40:
        this.#memoryGrow(at);
        break;
      default:
        this.#tableGrow(at);
        break;
    }
  }

  /** After an unconditional jump: nothing follows until a block ends. */
  #leave(): void {
    this.#lines.stop();
    this.#operands.makePolymorphic();
  }

  // Blocks.

  #openBlock(): void {
    const shape = readBlockShape(this.#reader, this.#shapes);
    this.#nest();
    this.#blocks.open('block', shape, this.#lines.live);
  }

  #openLoop(): void {
    const shape = readBlockShape(this.#reader, this.#shapes);
    this.#nest();
    this.#blocks.open('loop', shape, this.#lines.live);
    if (this.#lines.live) this.#hasLoop = true;
    this.#lines.next(MARK.loop, this.#reader.position);
  }

  #openIf(): void {
    const shape = readBlockShape(this.#reader, this.#shapes);
    this.#nest();
    this.#operands.pop();
    this.#blocks.open('if', shape, this.#lines.live);
    this.#lines.next(MARK.line, this.#reader.position);
  }

  #nest(): void {
    checkLimit(this.#limits, 'nesting', this.#blocks.depth, this.#reader.position);
  }

  #else(): void {
    const block = this.#blocks.top();
    if (block.kind !== 'if') throw this.#reader.malformed('malformed-body', 'else without if');
    this.#blocks.turnToElse();
    this.#lines.stop();
    if (block.live) this.#lines.start(MARK.line, this.#reader.position);
  }

  #end(at: number): void {
    const block = this.#blocks.close();
    if (block.kind === 'function') {
      this.#fallsThrough = this.#lines.live;
      this.#lines.stop();
      this.#lines.marks.add(MARK.end, at, 0);
      return;
    }
    if (block.kind === 'if' && block.shape.params.count !== block.shape.results.count) {
      throw this.#reader.malformed('malformed-body', 'an if without else must leave what it takes');
    }
    // Fall-through into code that nothing else reaches stays one line.
    const joins = block.kind === 'if' || block.kind === 'else' || (block.kind === 'block' && block.targeted);
    if (this.#lines.live && !joins) return;
    this.#lines.stop();
    if (block.live) this.#lines.start(MARK.line, this.#reader.position);
  }

  // Branches.

  /** Reads a label and notes that its block can be left by it. */
  #target(): void {
    const label = checkIndex(this.#reader, this.#reader.u32(), this.#blocks.depth, 'label');
    if (!this.#lines.live) return;
    const block = this.#blocks.at(label);
    block.targeted = true;
    if (block.kind === 'function') this.#leavesEarly = true;
  }

  #branchTable(): void {
    const count = this.#reader.count(1);
    checkLimit(this.#limits, 'branchTargets', count, this.#reader.position);
    this.#operands.pop();
    for (let index = 0; index <= count; index++) this.#target();
    this.#leave();
  }

  #return(at: number): void {
    if (this.#lines.live) {
      this.#leavesEarly = true;
      this.#lines.marks.add(MARK.return, at, this.#blocks.depth - 1);
    }
    this.#leave();
  }

  // Calls.

  #call(at: number, tail: boolean): void {
    const index = this.#index(this.#module.functions.length, 'function');
    const imported = index < this.#module.imported.function;
    const shape = shapeAt(this.#reader, this.#shapes, this.#module.functions[index] ?? 0);
    if (tail) this.#tailCall(imported ? MARK.importTailCall : MARK.tailCall, at, shape);
    else this.#plainCall(imported ? MARK.importCall : MARK.call, at, shape);
  }

  #callIndirect(at: number, tail: boolean): void {
    const shape = shapeAt(this.#reader, this.#shapes, this.#reader.u32());
    this.#index(this.#module.tables.length, 'table');
    this.#operands.pop();
    // The table may hold an imported function. It is not checked for here: the host sees the spilled counter.
    if (tail) this.#tailCall(MARK.tailCall, at, shape);
    else this.#plainCall(MARK.call, at, shape);
  }

  #plainCall(kind: number, at: number, shape: Shape): void {
    this.#operands.popAll(shape.params);
    this.#operands.pushAll(shape.results);
    if (!this.#lines.live) return;
    this.#hasCall = true;
    this.#lines.marks.add(kind, at, 0);
    this.#lines.next(MARK.afterCall, this.#reader.position);
  }

  #tailCall(kind: number, at: number, shape: Shape): void {
    this.#operands.popAll(shape.params);
    if (this.#lines.live) {
      this.#hasCall = true;
      this.#lines.marks.add(kind, at, 0);
    }
    this.#leave();
  }

  // Bulk operations.

  #bulk(kind: number, at: number, value: number): void {
    if (!this.#lines.live) return;
    this.#hasBulk = true;
    this.#lines.marks.add(kind, at, value);
    this.#lines.next(kind === MARK.memoryGrow ? MARK.afterGrow : MARK.line, this.#reader.position);
  }

  #memoryGrow(at: number): void {
    const memory = this.#index(this.#module.memories.length, 'memory');
    this.#operands.pop();
    this.#operands.push(COST_TABLE.frame.slotBytes);
    this.#bulk(MARK.memoryGrow, at, memory);
  }

  #tableGrow(at: number): void {
    const table = this.#index(this.#module.tables.length, 'table');
    this.#operands.pop();
    this.#operands.pop();
    this.#operands.push(COST_TABLE.frame.slotBytes);
    this.#bulk(MARK.tableGrow, at, table);
  }

  // Instructions whose operands depend on an index.

  #index(count: number, space: string): number {
    return checkIndex(this.#reader, this.#reader.u32(), count, space);
  }

  #globalSize(): number {
    const global = this.#module.globals[this.#index(this.#module.globals.length, 'global')];
    return global?.type === 'v128' ? COST_TABLE.frame.vectorBytes : COST_TABLE.frame.slotBytes;
  }

  #select(typed: boolean): void {
    const operands = this.#operands;
    operands.pop();
    const size = Math.max(operands.pop(), operands.pop());
    if (typed && this.#reader.u32() !== 1) {
      throw this.#reader.malformed('malformed-body', 'select has exactly one type');
    }
    operands.push(typed ? sizeOf(readValueType(this.#reader)) : size);
  }
}
