import type { AddedTypes } from './added-types.ts';
import { type BodyPlan, type Checks, checksOf } from './body-plan.ts';
import { DepthCode } from './depth-code.ts';
import { indexed, OP } from './emitted-opcodes.ts';
import { FuelCode, NONE } from './fuel-code.ts';
import type { GrowFunctions } from './grow-functions.ts';
import { LengthCharges } from './length-charges.ts';
import { writeLocals } from './locals.ts';
import { MARK } from './marks.ts';
import type { OffsetRecorder } from './offsets.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { EMPTY_BLOCK } from './types.ts';
import type { Writer } from './writer.ts';

/** What metering adds to the module. */
export interface Targets {
  readonly fuelGlobal: number;
  readonly depthGlobal: number;
  readonly types: AddedTypes;
  readonly growFunctions: GrowFunctions;
}

/** What was put into the code, for the report. */
export interface EmitCounts {
  charges: number;
  checks: number;
}

/** A trap of its own takes two bytes more than a branch to a common one, which takes five. */
const CHECKS_IN_PLACE = 2;

/** Marks at the end of a line that read or write the counter anyway. */
const TOUCHES: ReadonlySet<number> = new Set([
  MARK.call,
  MARK.importCall,
  MARK.tailCall,
  MARK.importTailCall,
  MARK.throw,
  MARK.length,
  MARK.wideLength,
  MARK.memoryGrow,
  MARK.tableGrow,
]);

/**
 * Pass 2: writes one function body with its charges.
 *
 *     block $stop                        // where failed checks go; two of them can trap in place instead
 *       entry: charge, take depth, check both
 *       block $exit (results)            // only if the body leaves early; its label is the function's own
 *         body
 *       end
 *       exit: spill, check, give depth back
 *       return
 *     end
 *     spill; unreachable
 */
export class BodyEmitter {
  readonly counts: EmitCounts = { charges: 0, checks: 0 };
  readonly #module: ModuleSkeleton;
  readonly #targets: Targets;
  readonly #out: Writer;
  readonly #offsets: OffsetRecorder;
  readonly #lengths: LengthCharges;
  readonly #fuelCode: FuelCode;
  readonly #depthCode: DepthCode;
  #plan: BodyPlan | undefined;
  #checks: Checks = { atEntry: false, atExit: false, count: 0 };
  /** Indices of locals, or none. */
  #depth = NONE;
  #length = NONE;
  #wideLength = NONE;
  #hasStop = false;
  #hasExit = false;

  constructor(module: ModuleSkeleton, targets: Targets, out: Writer, offsets: OffsetRecorder) {
    this.#module = module;
    this.#targets = targets;
    this.#out = out;
    this.#offsets = offsets;
    this.#lengths = new LengthCharges(module, out);
    this.#fuelCode = new FuelCode(targets.fuelGlobal, out, this.counts);
    this.#depthCode = new DepthCode(targets.depthGlobal, out);
  }

  /** Writes a body, without its size, to the output. Offsets are relative to the output's start. */
  emit(plan: BodyPlan): void {
    const { marks, range, codeStart, facts, homes } = plan;
    this.#plan = plan;
    this.#checks = checksOf(plan);
    this.#hasStop = homes.anyLocal || this.#checks.count > CHECKS_IN_PLACE;
    this.#hasExit =
      facts.leavesEarly && (this.#hasStop || this.#checks.atExit || homes.exitLocal || plan.counted);
    this.#offsets.add(this.#out.length, range.start);
    this.#locals(plan);
    this.#offsets.add(this.#out.length, codeStart);
    if (this.#hasStop) this.#out.pair(OP.block, EMPTY_BLOCK);
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
  #locals({ declared, codeStart, locals, facts, homes, counted }: BodyPlan): void {
    const narrow = (counted ? 1 : 0) + (facts.hasLength ? 1 : 0);
    const wide = (homes.anyLocal ? 1 : 0) + (facts.hasWideLength ? 1 : 0);
    const addition = writeLocals(this.#out, this.#module.bytes, declared, codeStart, { narrow, wide });
    let nextNarrow = locals + (addition.narrowFirst ? 0 : wide);
    let nextWide = locals + (addition.narrowFirst ? narrow : 0);
    this.#fuelCode.begin(homes.anyLocal ? nextWide++ : NONE);
    this.#wideLength = facts.hasWideLength ? nextWide : NONE;
    this.#depth = counted ? nextNarrow++ : NONE;
    this.#length = facts.hasLength ? nextNarrow : NONE;
  }

  /** Writes what a mark stands for and returns where copying goes on. */
  #mark(index: number, position: number): number {
    const { marks } = this.#plan as BodyPlan;
    const kind = marks.kinds[index] as number;
    const value = marks.values[index] as number;
    const depth = marks.depths[index] as number;
    switch (kind) {
      case MARK.repeat:
        return this.#repeat(value, position, depth);
      case MARK.return:
        return this.#return(value, position);
      case MARK.global:
        indexed(this.#out, this.#module.bytes[position] as number, value);
        return position + 1 + lebBytes(this.#module.bytes, position + 1);
      case MARK.memoryGrow:
        return this.#growMemory(value, position);
      case MARK.end:
        this.#exit();
        return position;
      case MARK.length:
      case MARK.wideLength:
      case MARK.tableGrow:
        this.#chargeLength(kind, value, depth);
        return position;
      case MARK.call:
      case MARK.importCall:
      case MARK.tailCall:
      case MARK.importTailCall:
      case MARK.throw:
        this.#leaveLine(kind, depth);
        return position;
      default:
        this.#startLine(index, kind, value, depth);
        return position;
    }
  }

  /** A line starts: charges for it here, or when it ends. */
  #startLine(index: number, kind: number, cost: number, depth: number): void {
    const fuel = this.#fuelCode;
    const { marks } = this.#plan as BodyPlan;
    fuel.line(marks.local[index] === 1);
    switch (kind) {
      case MARK.entry:
        this.#enter(cost);
        break;
      case MARK.uncheckedLoop:
        if (fuel.inLocal) fuel.chargeAndSpill(cost);
        else this.#chargeSometime(index, cost);
        break;
      case MARK.loop:
        fuel.owe(cost);
        fuel.spillAndGet();
        this.#check(this.#stop(depth));
        break;
      case MARK.afterCall:
      case MARK.afterGrow:
        if (fuel.inLocal) fuel.reload(cost);
        else this.#chargeSometime(index, cost);
        break;
      case MARK.afterImportCall:
        fuel.reloadAndGet(0);
        this.#check(this.#stop(depth));
        this.#chargeSometime(index, cost);
        break;
      default:
        this.#chargeSometime(index, cost);
        break;
    }
  }

  /** Charges now, or where the line ends if the counter is touched there anyway. */
  #chargeSometime(index: number, cost: number): void {
    const { marks, facts } = this.#plan as BodyPlan;
    let next = index + 1;
    while (marks.kinds[next] === MARK.global) next++;
    const kind = marks.kinds[next] as number;
    // A mark that starts no line belongs to this one; only the end may be reached from elsewhere, too.
    const isTouched = kind === MARK.end ? facts.fallsThrough && !facts.leavesEarly : TOUCHES.has(kind);
    if (isTouched) this.#fuelCode.owe(cost);
    else this.#fuelCode.charge(cost);
  }

  /** Before a call or a throw: the counter must be in its global. */
  #leaveLine(kind: number, depth: number): void {
    if (kind === MARK.importCall || kind === MARK.importTailCall) {
      this.#fuelCode.spillAndGet();
      this.#check(this.#stop(depth));
    } else this.#fuelCode.spill();
    if (kind === MARK.tailCall || kind === MARK.importTailCall) this.#leaveFrame();
    else if (kind !== MARK.throw) this.#resumeFrame();
  }

  // The way in and the way out.

  #enter(cost: number): void {
    const { typeIndex, weight, counted } = this.#plan as BodyPlan;
    const { atEntry } = this.#checks;
    const out = this.#out;
    if (atEntry) this.#fuelCode.reloadAndGet(cost);
    if (counted) this.#depthCode.take(this.#depth, weight);
    // One branch for both: the sign of either.
    if (atEntry && counted) out.pair(OP.i64ExtendI32S, OP.i64Or);
    if (atEntry) this.#check(0);
    else if (counted) {
      out.pair(OP.i32Const, 0);
      out.byte(OP.i32LtS);
      this.#stopIf(0);
    }
    if (this.#hasExit) {
      out.byte(OP.block);
      this.#targets.types.writeResultType(out, typeIndex);
    }
  }

  #exit(): void {
    const { facts, homes } = this.#plan as BodyPlan;
    const out = this.#out;
    if (this.#hasExit) {
      out.byte(OP.end);
      this.#fuelCode.line(homes.exitLocal);
    }
    if (facts.fallsThrough || facts.leavesEarly) {
      if (this.#checks.atExit) {
        this.#fuelCode.spillAndGet();
        this.#check(0);
      } else this.#fuelCode.spill();
      this.#leaveFrame();
    }
    if (!this.#hasStop) return;
    out.pair(OP.return, OP.end);
    this.#fuelCode.spillAtStop();
    out.byte(OP.unreachable);
  }

  #return(label: number, position: number): number {
    if (!this.#hasExit) return position;
    this.#out.byte(OP.br);
    this.#out.u32(label);
    return position + 1;
  }

  #leaveFrame(): void {
    const { counted, weight } = this.#plan as BodyPlan;
    if (counted) this.#depthCode.give(this.#depth, weight);
  }

  /** In a function that catches: what was caught has not given back the frames that it left. */
  #resumeFrame(): void {
    const { counted, facts } = this.#plan as BodyPlan;
    if (counted && facts.hasCatch) this.#depthCode.restore(this.#depth);
  }

  // Checks.

  /** With the counter on the operand stack and in its global: stops if it is below zero. */
  #check(stop: number): void {
    this.#out.pair(OP.i64Const, 0);
    this.#out.byte(OP.i64LtS);
    this.#stopIf(stop);
  }

  /** The label of `$stop` where the original body has `depth` labels. */
  #stop(depth: number): number {
    return depth - (this.#hasExit ? 0 : 1);
  }

  /** With a condition on the operand stack, and the label of `$stop`. */
  #stopIf(stop: number): void {
    const out = this.#out;
    this.counts.checks++;
    // Where `$stop` spills, it is for lines that keep the counter in the local.
    if (this.#hasStop && (this.#fuelCode.inLocal || this.#fuelCode.local === NONE)) {
      out.byte(OP.brIf);
      out.u32(stop);
    } else {
      out.pair(OP.if, EMPTY_BLOCK);
      out.pair(OP.unreachable, OP.end);
    }
  }

  /** A branch to a loop, or the check for it: one conditional branch in place of one that is not. */
  #repeat(loop: number, position: number, depth: number): number {
    const { marks } = this.#plan as BodyPlan;
    if (marks.kinds[loop] !== MARK.uncheckedLoop) return position;
    const next = position + 1 + lebBytes(this.#module.bytes, position + 1);
    this.#fuelCode.getLessOwed();
    this.#out.pair(OP.i64Const, 0);
    this.#out.pair(OP.i64GeS, OP.brIf);
    this.#copy(position + 1, next);
    if (this.#fuelCode.inLocal) indexed(this.#out, OP.br, this.#stop(depth));
    else this.#out.byte(OP.unreachable);
    this.counts.checks++;
    return next;
  }

  // Operations with a length.

  /** With a length on top of the operand stack, which stays there: charges for it and checks. */
  #chargeLength(kind: number, value: number, depth: number): void {
    const out = this.#out;
    const local = this.#lengths.isWide(kind, value) ? this.#wideLength : this.#length;
    indexed(out, OP.localTee, local);
    this.#fuelCode.getLessOwed();
    this.#lengths.write(kind, value, local);
    out.byte(OP.i64Sub);
    this.#fuelCode.putAndGet();
    this.#check(this.#stop(depth));
    this.counts.charges++;
  }

  #growMemory(memory: number, position: number): number {
    this.#fuelCode.spill();
    indexed(this.#out, OP.call, this.#targets.growFunctions.indexFor(memory));
    return position + 1 + lebBytes(this.#module.bytes, position + 1);
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
