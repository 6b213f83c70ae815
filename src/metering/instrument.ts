import { type BodyPlan, keepsLocal, needsCheck } from './body-plan.ts';
import { DepthCode } from './depth-code.ts';
import { indexed, OP } from './emitted-opcodes.ts';
import { LengthCharges } from './length-charges.ts';
import { MARK } from './marks.ts';
import type { OffsetRecorder } from './offsets.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { EMPTY_BLOCK, I32, I64 } from './types.ts';
import type { Writer } from './writer.ts';

/** Global indices of what metering adds, and the block types that leave a function's results. */
export interface Targets {
  readonly fuelGlobal: number;
  readonly depthGlobal: number;
  /** Written only where the module grows a memory. */
  readonly deniedGrowGlobal: number;
  /** Writes the block type of a block that takes nothing and leaves the results of the given type. */
  writeResultType(out: Writer, typeIndex: number): void;
}

/** What was put into the code, for the report. */
export interface EmitCounts {
  charges: number;
  checks: number;
}

const NONE = -1;

/**
 * Pass 2: writes one function body with its charges.
 *
 *     block $stop                        // where failed checks go: one trap for the whole function
 *       entry: charge, check, take depth
 *       block $exit (results)            // only if the body leaves early; its label is the function's own
 *         body
 *       end
 *       exit: spill, check, give depth back
 *       return
 *     end
 *     spill; unreachable
 *
 * Functions with loops keep the counter in a local between calls; others, and those that catch exceptions, leave it in
 * its global, where it is exact whoever reads it.
 */
export class BodyEmitter {
  readonly counts: EmitCounts = { charges: 0, checks: 0 };
  readonly #module: ModuleSkeleton;
  readonly #targets: Targets;
  readonly #out: Writer;
  readonly #offsets: OffsetRecorder;
  readonly #lengths: LengthCharges;
  readonly #depthCode: DepthCode;
  #plan: BodyPlan | undefined;
  /** Indices of locals, or none. */
  #fuel = NONE;
  #depth = NONE;
  #length = NONE;
  #wideLength = NONE;
  #takesDepth = false;
  #checks = false;
  /** The counter is in its global only: between two calls that nothing else comes between. */
  #stays = false;
  /** The global has the local's value. */
  #spilled = false;
  /** The memory that the last memory.grow was for. */
  #grown = 0;

  constructor(module: ModuleSkeleton, targets: Targets, out: Writer, offsets: OffsetRecorder) {
    this.#module = module;
    this.#targets = targets;
    this.#out = out;
    this.#offsets = offsets;
    this.#lengths = new LengthCharges(module, out);
    this.#depthCode = new DepthCode(targets.depthGlobal, out);
  }

  /** Writes a body, without its size, to the output. Offsets are relative to the output's start. */
  emit(plan: BodyPlan): void {
    const { marks, range, codeStart } = plan;
    this.#plan = plan;
    this.#takesDepth = plan.counted;
    this.#checks = this.#takesDepth || needsCheck(plan);
    this.#offsets.add(this.#out.length, range.start);
    this.#locals(plan);
    this.#offsets.add(this.#out.length, codeStart);
    if (this.#checks) this.#out.pair(OP.block, EMPTY_BLOCK);
    let copied = codeStart;
    for (let index = 0; index < marks.count; index++) {
      const position = marks.positions[index] as number;
      this.#copy(copied, position);
      copied = this.#mark(index, position);
      this.#offsets.add(this.#out.length, copied);
    }
    this.#copy(copied, range.end);
    this.#offsets.add(this.#out.length, range.end);
  }

  /** The declared locals and ours behind them. */
  #locals(plan: BodyPlan): void {
    const { facts } = plan;
    const out = this.#out;
    let next = plan.locals;
    const take = (wanted: boolean): number => (wanted ? next++ : NONE);
    this.#fuel = take(keepsLocal(plan));
    this.#wideLength = take(facts.hasWideLength);
    const wide = next - plan.locals;
    this.#depth = take(this.#takesDepth);
    this.#length = take(facts.hasLength);
    const narrow = next - plan.locals - wide;
    out.u32(plan.localGroups + (wide > 0 ? 1 : 0) + (narrow > 0 ? 1 : 0));
    out.copy(this.#module.bytes, plan.localsStart, plan.codeStart);
    if (wide > 0) out.pair(wide, I64);
    if (narrow > 0) out.pair(narrow, I32);
  }

  /** Writes what a mark stands for and returns where copying goes on. */
  #mark(index: number, position: number): number {
    const { marks } = this.#plan as BodyPlan;
    const kind = marks.kinds[index] as number;
    const value = marks.values[index] as number;
    const depth = marks.depths[index] as number;
    const spilled = this.#spilled && (kind === MARK.global || (kind >= MARK.call && kind <= MARK.throw));
    this.#spilled = spilled;
    switch (kind) {
      case MARK.entry:
        this.#enter(value);
        return position;
      case MARK.line:
        this.#charge(value);
        return position;
      case MARK.loop:
        this.#chargeAndSpill(value);
        this.#check(this.#stop(depth));
        return position;
      case MARK.uncheckedLoop:
        this.#chargeAndSpill(value);
        return position;
      case MARK.repeat:
        return this.#repeat(value, position, depth);
      case MARK.afterCall:
        this.#reload(value, marks.kinds[index + 1] as number);
        return position;
      case MARK.afterImportCall:
        this.#reload(value, MARK.end);
        this.#check(this.#stop(depth));
        return position;
      case MARK.return:
        this.#out.byte(OP.br);
        this.#out.u32(value);
        return position + 1;
      case MARK.global:
        indexed(this.#out, this.#module.bytes[position] as number, value);
        return position + 1 + lebBytes(this.#module.bytes, position + 1);
      case MARK.end:
        this.#exit();
        return position;
      default:
        this.#before(kind, value, depth);
        return position;
    }
  }

  /** Marks before an instruction. */
  #before(kind: number, value: number, depth: number): void {
    switch (kind) {
      case MARK.afterGrow:
        this.#noteDenial();
        this.#charge(value);
        break;
      case MARK.length:
      case MARK.wideLength:
      case MARK.memoryGrow:
      case MARK.tableGrow:
        this.#chargeLength(kind, value, this.#stop(depth));
        break;
      default:
        this.#spill();
        if (kind === MARK.importCall || kind === MARK.importTailCall) this.#check(this.#stop(depth));
        if (kind === MARK.tailCall || kind === MARK.importTailCall) this.#leaveFrame();
        else if (kind !== MARK.throw) this.#resumeFrame();
        this.#stays = false;
        this.#spilled = false;
        break;
    }
  }

  /** The label of `$stop` where the original body has `depth` labels. */
  #stop(depth: number): number {
    return depth - ((this.#plan as BodyPlan).facts.leavesEarly ? 0 : 1);
  }

  // The way in and the way out.

  #enter(cost: number): void {
    const { facts, typeIndex, weight } = this.#plan as BodyPlan;
    const out = this.#out;
    const charged = this.#fuel !== NONE || cost > 0 || needsCheck(this.#plan as BodyPlan);
    if (charged) {
      if (this.#fuel === NONE) {
        this.#charge(cost);
        indexed(out, OP.globalGet, this.#targets.fuelGlobal);
      } else {
        indexed(out, OP.globalGet, this.#targets.fuelGlobal);
        if (cost > 0) this.#subtract(cost);
        indexed(out, OP.localTee, this.#fuel);
      }
      this.#checkTop(0);
    }
    if (this.#takesDepth) this.#depthCode.take(this.#depth, weight);
    if (facts.leavesEarly) {
      out.byte(OP.block);
      this.#targets.writeResultType(out, typeIndex);
    }
  }

  #exit(): void {
    const { facts } = this.#plan as BodyPlan;
    const out = this.#out;
    if (facts.leavesEarly) out.byte(OP.end);
    if (facts.fallsThrough || facts.leavesEarly) {
      this.#spill();
      if (facts.hasCall) this.#check(0);
      this.#leaveFrame();
    }
    if (!this.#checks) return;
    out.pair(OP.return, OP.end);
    this.#spill();
    out.byte(OP.unreachable);
  }

  #leaveFrame(): void {
    if (this.#takesDepth) this.#depthCode.give(this.#depth, (this.#plan as BodyPlan).weight);
  }

  /** In a function that catches: what was caught has not given back the frames that it left. */
  #resumeFrame(): void {
    if (this.#takesDepth && (this.#plan as BodyPlan).facts.hasCatch) this.#depthCode.restore(this.#depth);
  }

  // The fuel counter.

  #charge(cost: number): void {
    if (cost === 0) return;
    this.#getFuel();
    this.#subtract(cost);
    if (this.#fuel === NONE || this.#stays) indexed(this.#out, OP.globalSet, this.#targets.fuelGlobal);
    else indexed(this.#out, OP.localSet, this.#fuel);
  }

  #chargeAndSpill(cost: number): void {
    if (this.#fuel === NONE) {
      this.#charge(cost);
      return;
    }
    indexed(this.#out, OP.localGet, this.#fuel);
    if (cost > 0) {
      this.#subtract(cost);
      indexed(this.#out, OP.localTee, this.#fuel);
    }
    indexed(this.#out, OP.globalSet, this.#targets.fuelGlobal);
    this.#spilled = true;
  }

  /** A branch to a loop, or the check for it: one conditional branch in place of one that is not. */
  #repeat(loop: number, position: number, depth: number): number {
    const { marks } = this.#plan as BodyPlan;
    if (marks.kinds[loop] !== MARK.uncheckedLoop) return position;
    const next = position + 1 + lebBytes(this.#module.bytes, position + 1);
    this.#getFuel();
    this.#out.pair(OP.i64Const, 0);
    this.#out.pair(OP.i64GeS, OP.brIf);
    this.#copy(position + 1, next);
    this.#out.byte(OP.br);
    this.#out.u32(this.#stop(depth));
    this.counts.checks++;
    return next;
  }

  /** After a call: takes the counter from its global, unless another call follows before it is needed. */
  #reload(cost: number, next: number): void {
    // Not where a check comes in between: `$stop` spills the local.
    this.#stays = this.#fuel !== NONE && (next === MARK.call || next === MARK.tailCall);
    if (this.#fuel === NONE || this.#stays) {
      this.#charge(cost);
      return;
    }
    indexed(this.#out, OP.globalGet, this.#targets.fuelGlobal);
    if (cost > 0) this.#subtract(cost);
    indexed(this.#out, OP.localSet, this.#fuel);
  }

  /** With a length on top of the operand stack, which stays there: charges for it and checks. */
  #chargeLength(kind: number, value: number, stop: number): void {
    const out = this.#out;
    const local = this.#lengths.isWide(kind, value) ? this.#wideLength : this.#length;
    if (kind === MARK.memoryGrow) this.#grown = value;
    indexed(out, OP.localTee, local);
    this.#getFuel();
    this.#lengths.write(kind, value, local);
    out.byte(OP.i64Sub);
    if (this.#fuel !== NONE) indexed(out, OP.localTee, this.#fuel);
    indexed(out, OP.globalSet, this.#targets.fuelGlobal);
    this.#check(stop);
    this.counts.charges++;
  }

  /** With the result of memory.grow on the operand stack, which stays there: `denied |= result = −1`. */
  #noteDenial(): void {
    const MINUS_ONE = 0x7f;
    const out = this.#out;
    const wide = this.#lengths.isWide(MARK.memoryGrow, this.#grown);
    const local = wide ? this.#wideLength : this.#length;
    indexed(out, OP.localTee, local);
    indexed(out, OP.localGet, local);
    out.pair(wide ? OP.i64Const : OP.i32Const, MINUS_ONE);
    out.byte(wide ? OP.i64Eq : OP.i32Eq);
    indexed(out, OP.globalGet, this.#targets.deniedGrowGlobal);
    out.byte(OP.i32Or);
    indexed(out, OP.globalSet, this.#targets.deniedGrowGlobal);
  }

  // Building blocks.

  #spill(): void {
    if (this.#fuel === NONE || this.#stays || this.#spilled) return;
    indexed(this.#out, OP.localGet, this.#fuel);
    indexed(this.#out, OP.globalSet, this.#targets.fuelGlobal);
  }

  #getFuel(): void {
    if (this.#fuel === NONE || this.#stays) indexed(this.#out, OP.globalGet, this.#targets.fuelGlobal);
    else indexed(this.#out, OP.localGet, this.#fuel);
  }

  #subtract(cost: number): void {
    this.#out.byte(OP.i64Const);
    this.#out.signed(cost);
    this.#out.byte(OP.i64Sub);
    this.counts.charges++;
  }

  #check(stop: number): void {
    this.#getFuel();
    this.#checkTop(stop);
  }

  /** With the counter on the operand stack. */
  #checkTop(stop: number): void {
    const out = this.#out;
    out.pair(OP.i64Const, 0);
    out.pair(OP.i64LtS, OP.brIf);
    out.u32(stop);
    this.counts.checks++;
  }

  #copy(start: number, end: number): void {
    if (end > start) this.#out.copy(this.#module.bytes, start, end);
  }
}

function lebBytes(bytes: Uint8Array, start: number): number {
  let end = start;
  while ((bytes[end] as number) >= 0x80) end++;
  return end - start + 1;
}
