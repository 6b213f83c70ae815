import { ChargePlacement } from './charge-placement.ts';
import { MARK, Marks } from './marks.ts';

const NONE = -1;

/** The arrival at which nothing is paid or owed: function entry and exit, loops, calls, whatever can see the counter. */
export const BARRIER = 0;

/** Expected runs of a loop's body for each time it is entered. */
const LOOP_WEIGHT = 8;

/**
 * Straight lines: runs of instructions that are executed all or, unless one of them traps, not at all. In code that
 * cannot be reached there is no line, and nothing is charged or changed.
 *
 * Lines form a graph. Where a line can go on at several others, these share one *arrival*, the place of which
 * `charge-placement.ts` says what has been paid in advance there. Arrivals are numbers; merging makes two of them one.
 */
export class Lines {
  readonly marks: Marks;
  /** Cost of the current line so far. */
  cost = 0;
  /** How often the current line is expected to run. */
  weight = 1;
  /** By line: its mark, its cost, and the arrivals before and behind it. */
  lineMarks = new Uint32Array(64);
  lineCosts = new Float64Array(64);
  weights = new Float64Array(64);
  arrivals = new Int32Array(64);
  successors = new Int32Array(64);
  count = 0;
  arrivalCount = 1;
  #parents = new Int32Array(64);
  #current = NONE;
  readonly #placement = new ChargePlacement();

  constructor(blocks: { readonly depth: number }) {
    this.marks = new Marks(blocks);
  }

  /** True where code can be reached. */
  get live(): boolean {
    return this.#current !== NONE;
  }

  clear(): void {
    this.marks.clear();
    this.cost = 0;
    this.weight = 1;
    this.count = 0;
    this.arrivalCount = 1;
    this.#current = NONE;
  }

  /** A new arrival. */
  arrival(): number {
    const arrival = this.arrivalCount++;
    if (arrival === this.#parents.length) this.#parents = grown(this.#parents);
    this.#parents[arrival] = arrival;
    return arrival;
  }

  find(arrival: number): number {
    const parents = this.#parents;
    let root = arrival;
    while (parents[root] !== root) root = parents[root] as number;
    // Path compression keeps long chains of merges linear.
    for (let at = arrival; at !== root; ) {
      const next = parents[at] as number;
      parents[at] = root;
      at = next;
    }
    return root;
  }

  /** Makes two arrivals one. The barrier, the smallest number, stays itself. */
  merge(a: number, b: number): number {
    const [first, second] = [this.find(a), this.find(b)];
    const root = Math.min(first, second);
    this.#parents[first] = root;
    this.#parents[second] = root;
    return root;
  }

  /** Starts a line at an arrival. There is no current one. */
  start(kind: number, position: number, arrival: number): void {
    const line = this.count++;
    if (line === this.lineMarks.length) this.#grow();
    this.lineMarks[line] = this.marks.add(kind, position, 0);
    this.arrivals[line] = arrival;
    this.weights[line] = this.weight;
    this.cost = 0;
    this.#current = line;
  }

  /** Ends the current line, if there is one. It goes on at the given arrival. */
  stop(successor: number): void {
    if (this.#current !== NONE) {
      this.lineCosts[this.#current] = this.cost;
      this.successors[this.#current] = successor;
    }
    this.#current = NONE;
    this.cost = 0;
  }

  /** Ends the current line and starts another, with the counter exact between them, unless neither can be reached. */
  barrier(kind: number, position: number): void {
    if (!this.live) {
      this.cost = 0;
      return;
    }
    this.stop(BARRIER);
    this.start(kind, position, BARRIER);
  }

  /** The same for the start of a loop. */
  loop(position: number): void {
    this.weight *= LOOP_WEIGHT;
    this.barrier(MARK.loop, position);
  }

  /** Ends the current line, which goes on at `arrival`, and starts the one of them that follows. */
  fork(arrival: number, position: number): void {
    this.stop(arrival);
    this.start(MARK.line, position, arrival);
  }

  /** Corrects how often the current line is expected to run. */
  reweigh(weight: number): void {
    this.weight = weight;
    if (this.#current !== NONE) this.weights[this.#current] = weight;
  }

  /** Decides what is charged where, and notes it in the marks. */
  place(): void {
    this.#placement.place(this);
  }

  #grow(): void {
    this.lineMarks = grown(this.lineMarks);
    this.lineCosts = grown(this.lineCosts);
    this.weights = grown(this.weights);
    this.arrivals = grown(this.arrivals);
    this.successors = grown(this.successors);
  }
}

function grown<Values extends Uint32Array | Int32Array | Float64Array>(values: Values): Values {
  const larger = new (values.constructor as new (length: number) => Values)(values.length * 2);
  larger.set(values);
  return larger;
}
