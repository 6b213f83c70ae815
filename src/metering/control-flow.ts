import { BARRIER, TRAP } from './arrivals.ts';
import { readBlockShape, shapeAt } from './block-types.ts';
import { type Block, type BlockKind, NO_ARRIVAL } from './blocks.ts';
import { type BodyContext, UNBOUNDED } from './body-context.ts';
import { checkIndex } from './constant-expression.ts';
import { checkLimit } from './limits.ts';
import { MARK } from './marks.ts';
import type { Shape } from './operand-stack.ts';

/** An exception is caught this much less often than the code runs that might throw it. */
const RARE = 16;

/** A loop with more unconditional branches back to it is checked at its start: the code would get too large. */
const REPEATS = 2;

/** Of the runs of a branch with a condition, the part that is expected to take it; of an `if`, the part for each arm. */
const [TAKEN, ARM] = [0.25, 0.5];

/** Blocks, branches, calls and exceptions: the instructions that make straight lines end. */
export class ControlFlow {
  readonly #context: BodyContext;

  constructor(context: BodyContext) {
    this.#context = context;
  }

  /** Decodes one, whose opcode at `at` has been read. */
  decode(opcode: number, at: number): void {
    switch (opcode) {
      case 0x00:
        this.#leave(TRAP);
        break;
      case 0x02:
        this.#open('block');
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
        this.#branch(at);
        break;
      case 0x0d:
        this.#branchIf();
        break;
      case 0x0e:
        this.#branchTable();
        break;
      case 0x0f:
        this.#return(at);
        break;
      default:
        this.#callOrThrow(opcode, at);
        break;
    }
  }

  #callOrThrow(opcode: number, at: number): void {
    switch (opcode) {
      case 0x06:
        this.#open('try');
        break;
      case 0x07:
        this.#catch(this.#tagShape());
        break;
      case 0x19:
        this.#catch(undefined);
        break;
      case 0x18:
        this.#delegate();
        break;
      case 0x1f:
        this.#openTryTable();
        break;
      case 0x08:
        this.#context.operands.popAll(this.#tagShape().params);
        this.#throw(at);
        break;
      case 0x09:
        this.#label();
        this.#throw(at);
        break;
      case 0x0a:
        this.#context.operands.pop();
        this.#throw(at);
        break;
      case 0x10:
      case 0x12:
        this.#call(at, opcode === 0x12);
        break;
      default:
        this.#callIndirect(at, opcode === 0x13);
        break;
    }
  }

  /** After an unconditional jump: nothing follows until a block ends. */
  #leave(arrival: number): void {
    this.#context.lines.stop(arrival);
    this.#context.operands.makePolymorphic();
  }

  // Blocks.

  #open(kind: BlockKind): void {
    const { reader, shapes, blocks, lines, limits } = this.#context;
    const shape = readBlockShape(reader, shapes);
    checkLimit(limits, 'nesting', blocks.depth, reader.position);
    blocks.open(kind, shape, lines.live, lines.weight);
  }

  #openLoop(): void {
    const { lines, facts, reader } = this.#context;
    this.#open('loop');
    if (!lines.live) return;
    facts.hasLoop = true;
    lines.loop(reader.position);
    const loop = this.#context.blocks.top();
    loop.loopMark = lines.marks.count - 1;
    loop.loopLine = lines.current;
  }

  #openIf(): void {
    const { reader, lines, operands, blocks } = this.#context;
    const shape = readBlockShape(reader, this.#context.shapes);
    checkLimit(this.#context.limits, 'nesting', blocks.depth, reader.position);
    operands.pop();
    blocks.open('if', shape, lines.live, lines.weight);
    if (!lines.live) return;
    const block = blocks.top();
    block.otherwise = lines.arrival();
    lines.weight *= ARM;
    lines.fork(block.otherwise, reader.position);
  }

  #else(): void {
    const { reader, blocks, lines } = this.#context;
    const block = blocks.top();
    if (block.kind !== 'if') throw reader.malformed('malformed-body', 'else without if');
    if (lines.live) lines.stop(this.#arrivalAt(block, lines.weight));
    blocks.turnToElse();
    lines.weight = block.weight * ARM;
    if (block.live) lines.start(MARK.line, reader.position, block.otherwise);
  }

  #end(at: number): void {
    const { reader, blocks, lines, facts } = this.#context;
    const block = blocks.close();
    if (block.kind === 'function') {
      facts.fallsThrough = lines.live;
      if (lines.live) lines.exit();
      lines.stop(BARRIER);
      lines.marks.add(MARK.end, at, 0);
      return;
    }
    if (block.kind === 'if' && block.shape.params.count !== block.shape.results.count) {
      throw reader.malformed('malformed-body', 'an if without else must leave what it takes');
    }
    if (block.kind === 'if' && block.live) {
      block.inflow += block.weight * ARM;
      this.#join(block, block.otherwise);
    }
    this.#close(block);
  }

  /** What follows the end of a block. Fall-through into code that nothing else reaches stays one line. */
  #close(block: Block): void {
    const { lines, reader } = this.#context;
    if (block.arrival !== NO_ARRIVAL) {
      if (lines.live) block.inflow += lines.weight;
      lines.stop(block.arrival);
      lines.weight = Math.min(block.inflow, block.weight);
      lines.start(MARK.line, reader.position, block.arrival);
    } else if (block.kind === 'loop') lines.reweigh(block.weight);
    if (block.hasCall) this.#context.blocks.top().hasCall = true;
    if (block.kind === 'loop' && block.live) this.#closeLoop(block);
  }

  #closeLoop({ repeats, otherRepeats, hasCall, loopLine, loopMark }: Block): void {
    const { lines } = this.#context;
    if (!hasCall && repeats + otherRepeats > 0) lines.tightLoop(loopLine);
    // With a branch to check at for each way back, the check costs no branch of its own.
    if (otherRepeats === 0 && repeats > 0 && repeats <= REPEATS) {
      lines.marks.kinds[loopMark] = MARK.uncheckedLoop;
    }
  }

  // Branches.

  /** Reads a label. */
  #label(): Block {
    const { reader, blocks, facts } = this.#context;
    const block = blocks.at(checkIndex(reader, reader.u32(), blocks.depth, 'label'));
    // Also where it cannot run: the label keeps its type.
    if (block.kind === 'function') facts.leavesEarly = true;
    return block;
  }

  #branch(at: number): void {
    const { lines } = this.#context;
    const block = this.#label();
    if (!lines.live) {
      this.#leave(BARRIER);
      return;
    }
    if (block.kind === 'loop') {
      block.repeats++;
      lines.marks.add(MARK.repeat, at, block.loopMark);
    }
    this.#leave(this.#arrivalAt(block, lines.weight));
  }

  /** The arrival that a branch to the block leads to, which is expected to run `weight` times. */
  #arrivalAt(block: Block, weight: number): number {
    const { lines } = this.#context;
    if (block.kind === 'function') {
      lines.exit();
      return BARRIER;
    }
    if (block.kind === 'loop') {
      lines.repeat(block.loopLine);
      return BARRIER;
    }
    block.inflow += weight;
    if (block.arrival === NO_ARRIVAL) block.arrival = lines.arrival();
    return block.arrival;
  }

  /** Lets an arrival be the one at the block's end. */
  #join(block: Block, arrival: number): void {
    if (block.arrival === NO_ARRIVAL) block.arrival = arrival;
    else this.#context.lines.merge(block.arrival, arrival);
  }

  #branchIf(): void {
    const { lines, operands, reader, blocks } = this.#context;
    operands.pop();
    const block = this.#label();
    if (!lines.live) return;
    if (block.kind === 'loop') block.otherRepeats++;
    const arrival = lines.arrival();
    lines.merge(arrival, this.#arrivalAt(block, lines.weight * TAKEN));
    lines.weight *= 1 - TAKEN;
    lines.fork(arrival, reader.position);
    // Behind the branch that closes a loop, the loop is mostly over.
    if (block.kind === 'loop' && block === blocks.top()) lines.reweigh(block.weight);
  }

  #branchTable(): void {
    const { reader, lines, operands, limits } = this.#context;
    const count = reader.count(1);
    checkLimit(limits, 'branchTargets', count, reader.position);
    operands.pop();
    const arrival = lines.live ? lines.arrival() : BARRIER;
    for (let index = 0; index <= count; index++) {
      const block = this.#label();
      if (!lines.live) continue;
      if (block.kind === 'loop') block.otherRepeats++;
      lines.merge(arrival, this.#arrivalAt(block, lines.weight / (count + 1)));
    }
    this.#leave(arrival);
  }

  #return(at: number): void {
    const { lines, facts, blocks } = this.#context;
    if (lines.live) {
      facts.leavesEarly = true;
      lines.exit();
      lines.marks.add(MARK.return, at, blocks.depth - 1);
    }
    this.#leave(BARRIER);
  }

  // Calls.

  #call(at: number, tail: boolean): void {
    const { reader, module, shapes } = this.#context;
    const index = checkIndex(reader, reader.u32(), module.functions.length, 'function');
    const imported = index < module.imported.function;
    const shape = shapeAt(reader, shapes, module.functions[index] ?? 0);
    const reach = this.#context.reaches[index] as number;
    if (tail) this.#tailCall(imported ? MARK.importTailCall : MARK.tailCall, at, shape, reach);
    else if (imported) this.#plainCall(MARK.importCall, MARK.afterImportCall, at, shape, reach);
    else this.#plainCall(MARK.call, MARK.afterCall, at, shape, reach);
  }

  #callIndirect(at: number, tail: boolean): void {
    const { reader, module, shapes, operands } = this.#context;
    const shape = shapeAt(reader, shapes, reader.u32());
    checkIndex(reader, reader.u32(), module.tables.length, 'table');
    operands.pop();
    // The table may hold an imported function. It is not checked for here: the host sees the spilled counter.
    if (tail) this.#tailCall(MARK.tailCall, at, shape, UNBOUNDED);
    else this.#plainCall(MARK.call, MARK.afterCall, at, shape, UNBOUNDED);
  }

  #plainCall(kind: number, after: number, at: number, shape: Shape, reach: number): void {
    const { lines, operands, facts, reader, blocks } = this.#context;
    operands.popAll(shape.params);
    operands.pushAll(shape.results);
    if (!lines.live) return;
    facts.hasCall = true;
    blocks.top().hasCall = true;
    facts.reach = Math.max(facts.reach, reach);
    lines.marks.add(kind, at, 0);
    lines.call(after, reader.position);
  }

  #tailCall(kind: number, at: number, shape: Shape, reach: number): void {
    const { lines, operands, facts } = this.#context;
    operands.popAll(shape.params);
    if (lines.live) {
      facts.hasCall = true;
      facts.reach = Math.max(facts.reach, reach);
      lines.marks.add(kind, at, 0);
      lines.leave();
    }
    this.#leave(BARRIER);
  }

  // Exceptions. What is caught was thrown by a call or a `throw`: both are barriers, and so is every place that catches.

  #throw(at: number): void {
    const { lines } = this.#context;
    if (lines.live) {
      lines.marks.add(MARK.throw, at, 0);
      lines.leave();
    }
    this.#leave(BARRIER);
  }

  #catch(tag: Shape | undefined): void {
    const { reader, blocks, lines, facts, operands } = this.#context;
    const block = blocks.top();
    if (block.kind !== 'try' && block.kind !== 'catch') {
      throw reader.malformed('malformed-body', 'catch without try');
    }
    if (lines.live) lines.stop(this.#arrivalAt(block, lines.weight));
    blocks.turnToCatch();
    if (tag) operands.pushAll(tag.params);
    if (!block.live) return;
    facts.hasCatch = true;
    lines.weight = block.weight / RARE;
    lines.start(MARK.line, reader.position, BARRIER);
  }

  /** The end of a `try` that hands its exceptions to another. */
  #delegate(): void {
    const { reader, blocks } = this.#context;
    const block = blocks.close();
    if (block.kind !== 'try') throw reader.malformed('malformed-body', 'delegate without try');
    checkIndex(reader, reader.u32(), blocks.depth, 'label');
    this.#close(block);
  }

  #openTryTable(): void {
    const { reader, shapes, blocks, lines, facts, limits } = this.#context;
    const shape = readBlockShape(reader, shapes);
    const count = reader.count(2);
    checkLimit(limits, 'branchTargets', count, reader.position);
    for (let index = 0; index < count; index++) {
      const kind = reader.byte();
      if (kind > 3) throw reader.malformed('malformed-body', `unknown kind of catch ${kind}`);
      if (kind < 2) this.#tagShape();
      const block = this.#label();
      if (!lines.live) continue;
      facts.hasCatch = true;
      if (block.kind === 'loop') block.otherRepeats++;
      const arrival = this.#arrivalAt(block, lines.weight / RARE);
      if (arrival !== BARRIER) lines.merge(arrival, BARRIER);
    }
    checkLimit(limits, 'nesting', blocks.depth, reader.position);
    blocks.open('block', shape, lines.live, lines.weight);
  }

  /** Reads the index of a tag. */
  #tagShape(): Shape {
    const { reader, module, shapes } = this.#context;
    const tag = checkIndex(reader, reader.u32(), module.tags.length, 'tag');
    return shapeAt(reader, shapes, module.tags[tag] ?? 0);
  }
}
