import { BARRIER, TRAP } from './arrivals.ts';
import type { Marks } from './marks.ts';

/** The straight lines of one function and how they follow each other (`lines.ts`). */
export interface LineGraph {
  readonly marks: Marks;
  readonly count: number;
  readonly lineMarks: Uint32Array;
  readonly lineCosts: Float64Array;
  /** How often a line is expected to run, relative to the function's entry. */
  readonly weights: Float64Array;
  readonly arrivals: Int32Array;
  readonly successors: Int32Array;
  readonly arrivalCount: number;
  find(arrival: number): number;
}

/** Backward and forward: later passes change next to nothing. */
const PASSES = 2;
/** What a charge that is never reached weighs: its bytes. */
const PLACE = 0.25;
/** Joins that come after what they lead to make another pass over the lines necessary. More than three are rare. */
const DEFERRAL_PASSES = 6;

/**
 * Moves charges along the graph of lines so that a run meets few of them, while each path from barrier to barrier still
 * pays what its lines cost: exact, like any placement of the form
 *
 *     charge(line) = cost(line) + paid(behind it) − paid(before it)
 *
 * where `paid` belongs to an arrival: 0 at barriers, positive where lines are paid in advance, negative where something
 * is still owed. (The potentials of Knuth and Stevenson, "Optimal measurement points for program frequency counts",
 * BIT 13, 1973.) A charge is never negative, or a check could stop a run that has the fuel for its path.
 *
 * The search begins with everything owed for as long as possible. Then each arrival in turn takes the amount, of the two
 * that make a neighbouring charge zero, that saves more.
 */
export class ChargePlacement {
  #graph: LineGraph | undefined;
  #paid = new Float64Array(64);
  /** The lines behind an arrival, and those before it: where its part of the list starts. */
  #membersStart = new Int32Array(65);
  #membersOf = new Int32Array(64);
  #leadersStart = new Int32Array(65);
  #leadersOf = new Int32Array(64);
  #before = new Int32Array(64);
  #behind = new Int32Array(64);

  /** Writes the charge of every line into the value of its mark. */
  place(graph: LineGraph): void {
    this.#graph = graph;
    const { count, arrivalCount, lineCosts, lineMarks, marks } = graph;
    if (arrivalCount === 1) {
      for (let line = 0; line < count; line++) {
        const traps = graph.successors[line] === TRAP;
        marks.values[lineMarks[line] as number] = traps ? 0 : (lineCosts[line] as number);
      }
      return;
    }
    this.#prepare();
    if (!this.#defer()) this.#paid.fill(0, 0, arrivalCount);
    for (let pass = 0; pass < PASSES; pass++) {
      for (let step = 1; step < arrivalCount; step++) {
        this.#settle(pass % 2 === 0 ? arrivalCount - step : step);
      }
    }
    for (let line = 0; line < count; line++) {
      marks.values[lineMarks[line] as number] = this.#chargeOf(line);
    }
  }

  #chargeOf(line: number): number {
    if (this.#behind[line] === TRAP) return 0;
    const cost = (this.#graph as LineGraph).lineCosts[line] as number;
    return cost + this.#paidAt(this.#behind, line) - this.#paidAt(this.#before, line);
  }

  #paidAt(side: Int32Array, line: number): number {
    return this.#paid[side[line] as number] as number;
  }

  /** Lets each arrival owe as much as its cheapest way from a barrier costs. False if that takes too long to find. */
  #defer(): boolean {
    const { count, arrivalCount, lineCosts } = this.#graph as LineGraph;
    this.#paid.fill(Number.NEGATIVE_INFINITY, 1, arrivalCount);
    this.#paid[BARRIER] = 0;
    for (let pass = 0; pass < DEFERRAL_PASSES; pass++) {
      let changed = false;
      for (let line = 0; line < count; line++) {
        const least = this.#paidAt(this.#before, line) - (lineCosts[line] as number);
        const arrival = this.#behind[line] as number;
        if (arrival === TRAP || least <= (this.#paid[arrival] as number)) continue;
        this.#paid[arrival] = least;
        changed = true;
      }
      if (!changed) return true;
    }
    return false;
  }

  /** Chooses what is paid at one arrival, within what keeps all charges around it from being negative. */
  #settle(arrival: number): void {
    const { lineCosts, weights } = this.#graph as LineGraph;
    let least = Number.NEGATIVE_INFINITY;
    let saves = 0;
    for (
      let at = this.#leadersStart[arrival] as number;
      at < (this.#leadersStart[arrival + 1] as number);
      at++
    ) {
      const line = this.#leadersOf[at] as number;
      if (this.#before[line] === arrival) continue;
      const bound = this.#paidAt(this.#before, line) - (lineCosts[line] as number);
      if (bound > least) [least, saves] = [bound, 0];
      if (bound === least) saves += (weights[line] as number) + PLACE;
    }
    let most = Number.POSITIVE_INFINITY;
    let savesMost = 0;
    for (
      let at = this.#membersStart[arrival] as number;
      at < (this.#membersStart[arrival + 1] as number);
      at++
    ) {
      const line = this.#membersOf[at] as number;
      if (this.#behind[line] === arrival || this.#behind[line] === TRAP) continue;
      const bound = this.#paidAt(this.#behind, line) + (lineCosts[line] as number);
      if (bound < most) [most, savesMost] = [bound, 0];
      if (bound === most) savesMost += (weights[line] as number) + PLACE;
    }
    if (saves > savesMost) this.#paid[arrival] = least;
    else if (savesMost > 0) this.#paid[arrival] = most;
  }

  #prepare(): void {
    const { count, arrivalCount, arrivals, successors } = this.#graph as LineGraph;
    const graph = this.#graph as LineGraph;
    this.#reserve(count, arrivalCount);
    this.#paid.fill(0, 0, arrivalCount);
    for (let line = 0; line < count; line++) {
      this.#before[line] = graph.find(arrivals[line] as number);
      this.#behind[line] = graph.find(successors[line] as number);
    }
    group(this.#before, count, arrivalCount, this.#membersStart, this.#membersOf);
    group(this.#behind, count, arrivalCount, this.#leadersStart, this.#leadersOf);
  }

  #reserve(lines: number, arrivals: number): void {
    if (this.#paid.length < arrivals) {
      this.#paid = new Float64Array(arrivals * 2);
      this.#membersStart = new Int32Array(arrivals * 2 + 1);
      this.#leadersStart = new Int32Array(arrivals * 2 + 1);
    }
    if (this.#before.length < lines) {
      this.#before = new Int32Array(lines * 2);
      this.#behind = new Int32Array(lines * 2);
      this.#membersOf = new Int32Array(lines * 2);
      this.#leadersOf = new Int32Array(lines * 2);
    }
  }
}

/** Lists the lines of each arrival (a counting sort): those of arrival `a` are `list[starts[a]] … list[starts[a + 1] − 1]`. */
function group(
  side: Int32Array,
  lines: number,
  arrivals: number,
  starts: Int32Array,
  list: Int32Array,
): void {
  starts.fill(0, 0, arrivals + 1);
  for (let line = 0; line < lines; line++) {
    const arrival = side[line] as number;
    if (arrival === TRAP) continue;
    starts[arrival + 1] = (starts[arrival + 1] as number) + 1;
  }
  for (let arrival = 0; arrival < arrivals; arrival++) {
    starts[arrival + 1] = (starts[arrival + 1] as number) + (starts[arrival] as number);
  }
  const total = starts[arrivals] as number;
  for (let line = lines - 1; line >= 0; line--) {
    if (side[line] === TRAP) continue;
    const end = (starts[(side[line] as number) + 1] as number) - 1;
    starts[(side[line] as number) + 1] = end;
    list[end] = line;
  }
  // Each start has moved to where the part in front of it ends: move them back by one place.
  for (let arrival = 0; arrival < arrivals; arrival++) starts[arrival] = starts[arrival + 1] as number;
  starts[arrivals] = total;
}
