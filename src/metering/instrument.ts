import type { BodyPlan } from './body-plan.ts';
import { COST_TABLE, type LengthCost } from './cost-table.ts';
import { LENGTH_COSTS } from './instructions.ts';
import { MARK } from './marks.ts';
import type { OffsetRecorder } from './offsets.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { EMPTY_BLOCK, I32, I64 } from './types.ts';
import type { Writer } from './writer.ts';

const OP = Object.freeze({
  unreachable: 0x00,
  block: 0x02,
  if: 0x04,
  end: 0x0b,
  br: 0x0c,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  i32Const: 0x41,
  i64Const: 0x42,
  i32LtS: 0x48,
  i32Eq: 0x46,
  i64LtS: 0x53,
  i64LeU: 0x58,
  i32Sub: 0x6b,
  i32Or: 0x72,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64Shl: 0x86,
  i64ShrU: 0x88,
  i64ExtendI32U: 0xad,
  prefixFc: 0xfc,
  tableSize: 16,
});

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

/**
 * Pass 2: writes one function body with its charges. The counter is kept in a local between calls (`fuel`), the depth
 * that was left on entry in another (`depth`).
 */
export class BodyEmitter {
  readonly counts: EmitCounts = { charges: 0, checks: 0 };
  readonly #module: ModuleSkeleton;
  readonly #targets: Targets;
  readonly #out: Writer;
  readonly #offsets: OffsetRecorder;
  #depth = 0;
  #fuel = 0;
  #length = 0;

  constructor(module: ModuleSkeleton, targets: Targets, out: Writer, offsets: OffsetRecorder) {
    this.#module = module;
    this.#targets = targets;
    this.#out = out;
    this.#offsets = offsets;
  }

  /** Writes a body, without its size, to the output. Offsets are relative to the output's start. */
  emit(plan: BodyPlan): void {
    const keepsLocal = needsLocal(plan);
    this.#offsets.add(this.#out.length, plan.range.start);
    this.#locals(plan, keepsLocal);
    this.#offsets.add(this.#out.length, plan.codeStart);
    this.#enter(plan.weight);
    if (plan.leavesEarly) {
      this.#out.byte(OP.block);
      this.#targets.writeResultType(this.#out, plan.typeIndex);
    }
    if (keepsLocal) this.#charged(plan);
    else this.#chargedOnce(plan);
    this.#offsets.add(this.#out.length, plan.range.end);
  }

  /** The declared locals and ours behind them. */
  #locals(plan: BodyPlan, keepsLocal: boolean): void {
    const out = this.#out;
    this.#fuel = plan.locals;
    this.#depth = plan.locals + (keepsLocal ? 1 : 0);
    this.#length = this.#depth + 1;
    out.u32(plan.localGroups + (keepsLocal ? 2 : 1));
    out.copy(this.#module.bytes, plan.localsStart, plan.codeStart);
    if (keepsLocal) out.pair(1, I64);
    out.pair(plan.hasBulk ? 2 : 1, I32);
  }

  /** A body whose counter lives in a local. */
  #charged(plan: BodyPlan): void {
    const { marks } = plan;
    let copied = plan.codeStart;
    for (let index = 0; index < marks.count; index++) {
      const position = marks.positions[index] as number;
      this.#copy(copied, position);
      copied = this.#mark(plan, marks.kinds[index] as number, position, marks.values[index] as number);
      this.#offsets.add(this.#out.length, copied);
    }
    this.#copy(copied, plan.range.end);
  }

  /** A body of one straight line, without calls: its counter never leaves the global. */
  #chargedOnce(plan: BodyPlan): void {
    const out = this.#out;
    const { marks, range } = plan;
    // Only the entry, the first mark, has a cost.
    const cost = marks.values[0] ?? 0;
    if (cost > 0) {
      this.#global(OP.globalGet, this.#targets.fuelGlobal);
      this.#subtract(cost);
      this.#global(OP.globalSet, this.#targets.fuelGlobal);
      this.#global(OP.globalGet, this.#targets.fuelGlobal);
      this.#trapIfNegative();
    }
    this.#offsets.add(out.length, plan.codeStart);
    let copied = plan.codeStart;
    for (let index = 0; index < marks.count; index++) {
      if (marks.kinds[index] !== MARK.return) continue;
      const position = marks.positions[index] as number;
      this.#copy(copied, position);
      copied = this.#return(position, marks.values[index] as number);
      this.#offsets.add(out.length, copied);
    }
    this.#copy(copied, range.end - 1);
    this.#exit(plan, false);
    this.#offsets.add(out.length, range.end - 1);
    out.byte(OP.end);
  }

  /** Writes what a mark stands for and returns where copying goes on. */
  #mark(plan: BodyPlan, kind: number, position: number, value: number): number {
    switch (kind) {
      case MARK.entry:
      case MARK.afterCall:
        this.#reloadAndCheck(value);
        return position;
      case MARK.line:
        this.#charge(value);
        return position;
      case MARK.afterGrow:
        this.#noteDenial();
        this.#charge(value);
        return position;
      case MARK.loop:
        this.#chargeSpillAndCheck(value);
        return position;
      case MARK.return:
        return this.#return(position, value);
      case MARK.end:
        if (plan.fallsThrough || plan.leavesEarly) this.#exit(plan, true);
        return position;
      case MARK.bulk:
      case MARK.memoryGrow:
      case MARK.tableGrow:
        this.#chargeLength(kind, value);
        return position;
      default:
        this.#beforeCall(kind);
        return position;
    }
  }

  // The depth counter: `depth = global; global = depth − weight; trap if depth < weight`.

  #enter(weight: number): void {
    const out = this.#out;
    this.#global(OP.globalGet, this.#targets.depthGlobal);
    this.#local(OP.localTee, this.#depth);
    out.byte(OP.i32Const);
    out.signed(weight);
    out.byte(OP.i32Sub);
    this.#global(OP.globalSet, this.#targets.depthGlobal);
    this.#local(OP.localGet, this.#depth);
    out.byte(OP.i32Const);
    out.signed(weight);
    out.byte(OP.i32LtS);
    this.#trapIf();
  }

  #leaveFrame(): void {
    this.#local(OP.localGet, this.#depth);
    this.#global(OP.globalSet, this.#targets.depthGlobal);
  }

  /** The common way out: closes the block that early exits branch to, spills, leaves the frame. */
  #exit(plan: BodyPlan, spill: boolean): void {
    if (plan.leavesEarly) this.#out.byte(OP.end);
    if (spill) this.#spill();
    this.#leaveFrame();
  }

  #return(position: number, label: number): number {
    this.#out.byte(OP.br);
    this.#out.u32(label);
    return position + 1;
  }

  // The fuel counter.

  #spill(): void {
    this.#local(OP.localGet, this.#fuel);
    this.#global(OP.globalSet, this.#targets.fuelGlobal);
  }

  #charge(cost: number): void {
    if (cost === 0) return;
    this.#local(OP.localGet, this.#fuel);
    this.#subtract(cost);
    this.#local(OP.localSet, this.#fuel);
  }

  #reloadAndCheck(cost: number): void {
    const out = this.#out;
    this.#global(OP.globalGet, this.#targets.fuelGlobal);
    if (cost > 0) this.#subtract(cost);
    this.#local(OP.localTee, this.#fuel);
    out.pair(OP.i64Const, 0);
    out.byte(OP.i64LtS);
    out.pair(OP.if, EMPTY_BLOCK);
    if (cost > 0) this.#spill();
    out.pair(OP.unreachable, OP.end);
    this.counts.checks++;
  }

  #chargeSpillAndCheck(cost: number): void {
    this.#local(OP.localGet, this.#fuel);
    if (cost > 0) {
      this.#subtract(cost);
      this.#local(OP.localTee, this.#fuel);
    }
    this.#spilledCheck();
  }

  /** With the counter on the operand stack: spills it and traps when it is below zero. */
  #spilledCheck(): void {
    this.#global(OP.globalSet, this.#targets.fuelGlobal);
    this.#local(OP.localGet, this.#fuel);
    this.#trapIfNegative();
  }

  #beforeCall(kind: number): void {
    this.#spill();
    if (kind === MARK.importCall || kind === MARK.importTailCall) {
      this.#local(OP.localGet, this.#fuel);
      this.#trapIfNegative();
    }
    if (kind === MARK.tailCall || kind === MARK.importTailCall) this.#leaveFrame();
  }

  /** With a length on top of the operand stack, which stays there: charges for it and checks. */
  #chargeLength(kind: number, value: number): void {
    const out = this.#out;
    this.#local(OP.localTee, this.#length);
    this.#local(OP.localGet, this.#fuel);
    this.#unsignedLength();
    this.#rate(kind, value);
    out.byte(OP.i64Sub);
    this.#local(OP.localTee, this.#fuel);
    this.#spilledCheck();
    this.counts.charges++;
  }

  /** With the result of memory.grow on the operand stack, which stays there: `denied |= result = −1`. */
  #noteDenial(): void {
    const [out, MINUS_ONE] = [this.#out, 0x7f];
    this.#local(OP.localTee, this.#length);
    this.#local(OP.localGet, this.#length);
    out.pair(OP.i32Const, MINUS_ONE);
    out.byte(OP.i32Eq);
    this.#global(OP.globalGet, this.#targets.deniedGrowGlobal);
    out.byte(OP.i32Or);
    this.#global(OP.globalSet, this.#targets.deniedGrowGlobal);
  }

  /** Turns the unsigned length on the operand stack into its cost. Products stay below 2⁴⁹. */
  #rate(kind: number, value: number): void {
    if (kind === MARK.memoryGrow) this.#growth(COST_TABLE.lengths['memory.grow'], value, true);
    else if (kind === MARK.tableGrow) this.#growth(COST_TABLE.lengths['table.grow'], value, false);
    else this.#scale(LENGTH_COSTS.get(value) ?? FREE);
  }

  /** The cost of a growth, or 0 if it must fail: `delta × (delta ≤ max − size) × rate`. */
  #growth(rate: LengthCost, index: number, memory: boolean): void {
    const out = this.#out;
    const max = memory
      ? (this.#module.memories[index]?.max ?? 65_536)
      : (this.#module.tables[index]?.max ?? 2 ** 32 - 1);
    this.#unsignedLength();
    out.byte(OP.i64Const);
    out.signed(max);
    if (memory) out.byte(OP.memorySize);
    else out.pair(OP.prefixFc, OP.tableSize);
    out.u32(index);
    out.byte(OP.i64ExtendI32U);
    out.byte(OP.i64Sub);
    out.byte(OP.i64LeU);
    out.byte(OP.i64ExtendI32U);
    out.byte(OP.i64Mul);
    this.#scale(rate);
  }

  #scale(rate: LengthCost): void {
    const out = this.#out;
    if (rate.multiplier !== 1) {
      const shift = Math.log2(rate.multiplier);
      out.byte(OP.i64Const);
      out.signed(Number.isInteger(shift) ? shift : rate.multiplier);
      out.byte(Number.isInteger(shift) ? OP.i64Shl : OP.i64Mul);
    }
    if (rate.shift !== 0) {
      out.byte(OP.i64Const);
      out.signed(rate.shift);
      out.byte(OP.i64ShrU);
    }
  }

  #unsignedLength(): void {
    this.#local(OP.localGet, this.#length);
    this.#out.byte(OP.i64ExtendI32U);
  }

  // Building blocks.

  #subtract(cost: number): void {
    this.#out.byte(OP.i64Const);
    this.#out.signed(cost);
    this.#out.byte(OP.i64Sub);
    this.counts.charges++;
  }

  #trapIfNegative(): void {
    this.#out.pair(OP.i64Const, 0);
    this.#out.byte(OP.i64LtS);
    this.#trapIf();
    this.counts.checks++;
  }

  #trapIf(): void {
    this.#out.pair(OP.if, EMPTY_BLOCK);
    this.#out.pair(OP.unreachable, OP.end);
  }

  #local(op: number, index: number): void {
    this.#out.byte(op);
    this.#out.u32(index);
  }

  #global(op: number, index: number): void {
    this.#out.byte(op);
    this.#out.u32(index);
  }

  #copy(start: number, end: number): void {
    if (end > start) this.#out.copy(this.#module.bytes, start, end);
  }
}

const FREE: LengthCost = { multiplier: 0, shift: 0 };

/** Whether the counter is used more than once in the function. */
function needsLocal(plan: BodyPlan): boolean {
  if (plan.hasCall || plan.hasLoop || plan.hasBulk) return true;
  const { marks } = plan;
  for (let index = 1; index < marks.count; index++) {
    if (marks.kinds[index] === MARK.line && marks.values[index] !== 0) return true;
  }
  return false;
}
