import { grown } from './grown.ts';
import { MARK, type Marks } from './marks.ts';
import { Partition } from './partition.ts';

/** What the choice needs to know of the lines of one function. */
export interface LinesWithCharges {
  readonly marks: Marks;
  readonly count: number;
  readonly lineMarks: Uint32Array;
  readonly weights: Float64Array;
}

/** What was chosen for one function. */
export interface HomesOfFunction {
  /** Some lines keep the counter in a local. */
  readonly anyLocal: boolean;
  /** So does the function's exit. */
  readonly exitLocal: boolean;
  /** The exit can be reached from a call, past no other. */
  readonly exitAfterCall: boolean;
}

const EXIT = 0;
/** A loop without calls waits for nothing but the counter if that lies in memory. */
const TIGHT_LOOP = 100;
/** Memory accesses that a local must save, relative to one run of the function, to be worth its bytes of code. */
const WORTH = 8;

/**
 * Where the counter lives while code runs between two calls: in its global, or in a local of the function.
 *
 * Calls find it in the global and leave it there. Lines that follow each other without a call in between form a region,
 * which needs one home for the counter: a local costs a load behind each call, and a store before each call and on each
 * iteration of a loop; the global costs a load and a store with each charge.
 */
export class CounterHomes {
  /** Of the function's exit, of lines and of arrivals: the regions. */
  readonly #regions = new Partition();
  #count = 0;
  /** By line: its region, the memory accesses that a local costs on each run, and those of the global but for the charge. */
  #lines = new Int32Array(64);
  #local = new Float64Array(64);
  #global = new Float64Array(64);
  /** By arrival: its region. */
  readonly #arrivals: number[] = [];
  /** By region: what a local saves, and whether a call returns to it. */
  #saved = new Float64Array(64);
  #afterCall = new Uint8Array(64);

  clear(): void {
    this.#regions.clear();
    this.#regions.add();
    this.#count = 0;
    this.#arrivals.length = 1;
    this.#arrivals[0] = EXIT;
  }

  /** A line starts, with a mark of the given kind. */
  start(kind: number): void {
    const line = this.#count++;
    if (line === this.#lines.length) this.#grow();
    this.#lines[line] = this.#regions.add();
    this.#local[line] = isAfterCall(kind) || kind === MARK.afterGrow || kind === MARK.loop ? 1 : 0;
    this.#global[line] = kind === MARK.loop ? 1 : 0;
  }

  /** There is one more arrival. */
  arrival(): void {
    this.#arrivals.push(this.#regions.add());
  }

  /** The line starts a loop that calls nothing. */
  tightLoop(line: number): void {
    this.#global[line] = (this.#global[line] as number) + TIGHT_LOOP;
  }

  /** The line ends with what reads the global. */
  leave(line: number): void {
    this.#local[line] = (this.#local[line] as number) + 1;
  }

  /** One line leads to another without a call. */
  join(line: number, other: number): void {
    this.#regions.merge(this.#lines[line] as number, this.#lines[other] as number);
  }

  /** The line leads to the function's exit. */
  exit(line: number): void {
    this.#regions.merge(this.#lines[line] as number, EXIT);
  }

  /** The line leads to an arrival, or starts there. */
  meet(line: number, arrival: number): void {
    this.#regions.merge(this.#lines[line] as number, this.#arrivals[arrival] as number);
  }

  /** Two arrivals are one. */
  merge(a: number, b: number): void {
    this.#regions.merge(this.#arrivals[a] as number, this.#arrivals[b] as number);
  }

  /** Chooses, with the charges known, and marks the lines that keep the counter in a local. */
  choose(lines: LinesWithCharges, mayUseLocal: boolean): HomesOfFunction {
    const { count, marks, lineMarks } = lines;
    this.#weigh(lines);
    let anyLocal = false;
    for (let line = 0; line < count && mayUseLocal; line++) {
      if (!this.#wantsLocal(this.#regions.find(this.#lines[line] as number))) continue;
      marks.local[lineMarks[line] as number] = 1;
      anyLocal = true;
    }
    return {
      anyLocal,
      exitLocal: mayUseLocal && this.#wantsLocal(EXIT),
      exitAfterCall: this.#afterCall[EXIT] === 1,
    };
  }

  #wantsLocal(region: number): boolean {
    return (this.#saved[region] as number) > WORTH;
  }

  #weigh({ count, weights, marks, lineMarks }: LinesWithCharges): void {
    this.#reserve(this.#regions.count);
    const saved = this.#saved;
    saved[EXIT] = -1;
    for (let line = 0; line < count; line++) {
      const mark = lineMarks[line] as number;
      const region = this.#regions.find(this.#lines[line] as number);
      // At the entry the counter is loaded anyway.
      const charge = marks.values[mark] === 0 ? 0 : marks.kinds[mark] === MARK.entry ? 1 : 2;
      const saves = charge + (this.#global[line] as number) - (this.#local[line] as number);
      saved[region] = (saved[region] as number) + saves * (weights[line] as number);
      if (isAfterCall(marks.kinds[mark] as number)) this.#afterCall[region] = 1;
    }
  }

  #reserve(regions: number): void {
    if (this.#saved.length < regions) {
      this.#saved = new Float64Array(regions * 2);
      this.#afterCall = new Uint8Array(regions * 2);
    }
    this.#saved.fill(0, 0, regions);
    this.#afterCall.fill(0, 0, regions);
  }

  #grow(): void {
    this.#lines = grown(this.#lines);
    this.#local = grown(this.#local);
    this.#global = grown(this.#global);
  }
}

function isAfterCall(kind: number): boolean {
  return kind === MARK.afterCall || kind === MARK.afterImportCall;
}
