import { BARRIER, TRAP } from './arrivals.ts';
import { ChargePlacement } from './charge-placement.ts';
import { CounterHomes, type HomesOfFunction } from './counter-home.ts';
import { grown } from './grown.ts';
import { MARK, Marks } from './marks.ts';
import { Partition } from './partition.ts';

const NONE = -1;

/** What the placement needs to know of the whole function. */
interface PlacementFacts {
  readonly hasLoop: boolean;
  readonly hasCatch: boolean;
  readonly hasCall: boolean;
}

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
  /** Where the lines and the function's exit find the counter. */
  homes: HomesOfFunction = { anyLocal: false, exitLocal: false, exitAfterCall: false };
  readonly #arrivals = new Partition();
  #current = NONE;
  readonly #placement = new ChargePlacement();
  readonly #homes = new CounterHomes();

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
    this.#arrivals.clear();
    this.#arrivals.add();
    this.#current = NONE;
    this.#homes.clear();
  }

  /** The number of the current line. */
  get current(): number {
    return this.#current;
  }

  get arrivalCount(): number {
    return this.#arrivals.count;
  }

  /** A new arrival. */
  arrival(): number {
    this.#homes.arrival();
    return this.#arrivals.add();
  }

  /** What stands for an arrival and those that it was merged with. */
  find(arrival: number): number {
    return arrival === TRAP ? TRAP : this.#arrivals.find(arrival);
  }

  /** Makes two arrivals one. The barrier, the smallest number, stays itself. */
  merge(a: number, b: number): void {
    this.#arrivals.merge(a, b);
    if (a !== BARRIER && b !== BARRIER) this.#homes.merge(a, b);
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
    this.#homes.start(kind);
    if (arrival !== BARRIER) this.#homes.meet(line, arrival);
  }

  /** Ends the current line, if there is one. It goes on at the given arrival. */
  stop(successor: number): void {
    if (this.#current !== NONE) {
      this.lineCosts[this.#current] = this.cost;
      this.successors[this.#current] = successor;
      if (successor > BARRIER) this.#homes.meet(this.#current, successor);
    }
    this.#current = NONE;
    this.cost = 0;
  }

  /**
   * Ends the current line and starts another, with the counter exact between them, unless neither can be reached. Both
   * find the counter in the same place.
   */
  barrier(kind: number, position: number): void {
    const before = this.#current;
    this.call(kind, position);
    if (before !== NONE) this.#homes.join(before, this.#current);
  }

  /** The same around a call, which finds the counter in its global and leaves it there. */
  call(kind: number, position: number): void {
    if (!this.live) {
      this.cost = 0;
      return;
    }
    this.leave();
    this.stop(BARRIER);
    this.start(kind, position, BARRIER);
  }

  /** The current line ends with what reads the counter in its global: a call, or an exception. */
  leave(): void {
    this.#homes.leave(this.#current);
  }

  /** The current line goes on at a loop, given by its first line. */
  repeat(line: number): void {
    this.#homes.join(this.#current, line);
  }

  /** The loop that starts with the given line calls nothing. */
  tightLoop(line: number): void {
    this.#homes.tightLoop(line);
  }

  /** The current line goes on at the function's exit. */
  exit(): void {
    this.#homes.exit(this.#current);
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

  /** Decides what is charged where and where the counter is kept, and notes it in the marks. */
  place({ hasLoop, hasCatch, hasCall }: PlacementFacts): void {
    this.#placement.place(this);
    // What was caught may have changed the counter, and come from any call. Without loops a local buys nothing.
    const homes = this.#homes.choose(this, hasLoop && !hasCatch);
    this.homes = hasCatch ? { ...homes, exitAfterCall: hasCall } : homes;
  }

  #grow(): void {
    this.lineMarks = grown(this.lineMarks);
    this.lineCosts = grown(this.lineCosts);
    this.weights = grown(this.weights);
    this.arrivals = grown(this.arrivals);
    this.successors = grown(this.successors);
  }
}
