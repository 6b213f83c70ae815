import { indexed, OP } from './emitted-opcodes.ts';
import type { Writer } from './writer.ts';

/** No local. */
export const NONE = -1;

/**
 * Writes the code of the fuel counter. It is kept in its global or in a local of the function, as `counter-home.ts` chose
 * for the current line; the global then has what the counter was when it was last spilled.
 */
export class FuelCode {
  readonly #global: number;
  readonly #out: Writer;
  readonly #counts: { charges: number };
  #local = NONE;
  /** The current line keeps the counter in the local. */
  #inLocal = false;
  /** The global has the local's value. */
  #spilled = false;
  /** The current line's charge, if it comes where the line ends. */
  #owed = 0;

  constructor(global: number, out: Writer, counts: { charges: number }) {
    this.#global = global;
    this.#out = out;
    this.#counts = counts;
  }

  /** A function begins, with its local for the counter. */
  begin(local: number): void {
    this.#local = local;
    this.#owed = 0;
  }

  /** The function's local for the counter, or none. */
  get local(): number {
    return this.#local;
  }

  /** The current line keeps the counter in the local. */
  get inLocal(): boolean {
    return this.#inLocal;
  }

  /** A line starts, or the function's exit. */
  line(inLocal: boolean): void {
    this.#inLocal = inLocal;
    this.#spilled = false;
  }

  /** Leaves the charge for the current line to whatever next touches the counter. */
  owe(cost: number): void {
    this.#owed = cost;
  }

  charge(cost: number): void {
    if (cost === 0) return;
    this.#get();
    this.#subtract(cost);
    if (this.#inLocal) indexed(this.#out, OP.localSet, this.#local);
    else indexed(this.#out, OP.globalSet, this.#global);
    this.#spilled = false;
  }

  /** After a call, which left the counter in the global: charges, and takes it to the local. */
  reload(cost: number): void {
    indexed(this.#out, OP.globalGet, this.#global);
    if (cost > 0) this.#subtract(cost);
    indexed(this.#out, OP.localSet, this.#local);
    this.#spilled = cost === 0;
  }

  /** Charges behind a call or at the entry, in the line's own place, and leaves the counter on the operand stack. */
  reloadAndGet(cost: number): void {
    indexed(this.#out, OP.globalGet, this.#global);
    if (cost > 0) this.#subtract(cost);
    if (this.#inLocal) indexed(this.#out, OP.localTee, this.#local);
    else if (cost > 0) this.putAndGet();
    this.#spilled = cost === 0;
  }

  /** At the start of a loop with the counter in the local: charges and brings the global up to date. */
  chargeAndSpill(cost: number): void {
    this.#get();
    if (cost > 0) {
      this.#subtract(cost);
      indexed(this.#out, OP.localTee, this.#local);
    }
    indexed(this.#out, OP.globalSet, this.#global);
    this.#spilled = true;
  }

  /** Brings the global up to date. The local need not be from here on. */
  spill(): void {
    if (this.#owed === 0 && (!this.#inLocal || this.#spilled)) return;
    this.getLessOwed();
    indexed(this.#out, OP.globalSet, this.#global);
  }

  /** Brings the global up to date and leaves the counter on the operand stack. */
  spillAndGet(): void {
    if (this.#owed > 0) {
      this.getLessOwed();
      this.putAndGet();
    } else {
      this.spill();
      this.#get();
    }
  }

  /** Behind checks of lines that keep the counter in the local. */
  spillAtStop(): void {
    if (this.#local === NONE) return;
    indexed(this.#out, OP.localGet, this.#local);
    indexed(this.#out, OP.globalSet, this.#global);
  }

  /** Leaves the counter, less what the current line owes, on the operand stack. */
  getLessOwed(): void {
    this.#get();
    if (this.#owed > 0) this.#subtract(this.#owed);
    this.#owed = 0;
  }

  /** Stores the counter, which is on the operand stack and stays there. */
  putAndGet(): void {
    if (this.#inLocal) indexed(this.#out, OP.localTee, this.#local);
    indexed(this.#out, OP.globalSet, this.#global);
    this.#get();
  }

  #get(): void {
    if (this.#inLocal) indexed(this.#out, OP.localGet, this.#local);
    else indexed(this.#out, OP.globalGet, this.#global);
  }

  #subtract(cost: number): void {
    this.#out.byte(OP.i64Const);
    this.#out.signed(cost);
    this.#out.byte(OP.i64Sub);
    this.#counts.charges++;
  }
}
