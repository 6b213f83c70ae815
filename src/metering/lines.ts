import { Marks } from './marks.ts';

const NONE = -1;

/**
 * Straight lines: runs of instructions that are executed all or, unless one of them traps, not at all. Each is charged
 * once, at its start. In code that cannot be reached there is no line, and nothing is charged or changed.
 */
export class Lines {
  readonly marks = new Marks();
  /** Cost of the current line so far. */
  cost = 0;
  #current = NONE;

  /** True where code can be reached. */
  get live(): boolean {
    return this.#current !== NONE;
  }

  clear(): void {
    this.marks.clear();
    this.cost = 0;
    this.#current = NONE;
  }

  /** Ends the current line, if there is one, and starts another. */
  start(kind: number, position: number): void {
    this.stop();
    this.#current = this.marks.add(kind, position, 0);
  }

  /** Ends the current line and starts another, unless neither can be reached. */
  next(kind: number, position: number): void {
    if (this.live) this.start(kind, position);
    else this.cost = 0;
  }

  /** Ends the current line: what follows cannot be reached until a block ends. */
  stop(): void {
    if (this.live) this.marks.values[this.#current] = this.cost;
    this.#current = NONE;
    this.cost = 0;
  }
}
