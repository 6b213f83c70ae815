import { indexed, OP } from './emitted-opcodes.ts';
import type { Writer } from './writer.ts';

/** Writes the code of the depth counter: bytes that are left for further frames. A local keeps them for the frame. */
export class DepthCode {
  readonly #global: number;
  readonly #out: Writer;

  constructor(global: number, out: Writer) {
    this.#global = global;
    this.#out = out;
  }

  /** `global = local = global − weight`, and a branch to label 0 if that is below zero. */
  take(local: number, weight: number): void {
    const out = this.#out;
    indexed(out, OP.globalGet, this.#global);
    out.byte(OP.i32Const);
    out.signed(weight);
    out.byte(OP.i32Sub);
    indexed(out, OP.localTee, local);
    indexed(out, OP.globalSet, this.#global);
    indexed(out, OP.localGet, local);
    out.pair(OP.i32Const, 0);
    out.byte(OP.i32LtS);
    out.pair(OP.brIf, 0);
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
