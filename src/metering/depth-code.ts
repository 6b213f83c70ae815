import { indexed, OP } from './emitted-opcodes.ts';
import type { Writer } from './writer.ts';

/** Writes the code of the depth counter: bytes that are left for frames. A local keeps what the frame left. */
export class DepthCode {
  readonly #global: number;
  readonly #out: Writer;

  constructor(global: number, out: Writer) {
    this.#global = global;
    this.#out = out;
  }

  /** `global = local = global − weight`; leaves the new value on the operand stack. */
  take(local: number, weight: number): void {
    const out = this.#out;
    indexed(out, OP.globalGet, this.#global);
    out.byte(OP.i32Const);
    out.signed(weight);
    out.byte(OP.i32Sub);
    indexed(out, OP.localTee, local);
    indexed(out, OP.globalSet, this.#global);
    indexed(out, OP.localGet, local);
  }

  /** `global = local + weight` */
  give(local: number, weight: number): void {
    const out = this.#out;
    indexed(out, OP.localGet, local);
    out.byte(OP.i32Const);
    out.signed(weight);
    out.byte(OP.i32Add);
    indexed(out, OP.globalSet, this.#global);
  }

  /** `global = local` */
  restore(local: number): void {
    indexed(this.#out, OP.localGet, local);
    indexed(this.#out, OP.globalSet, this.#global);
  }
}
