import type { BodyFacts } from './body-context.ts';
import type { HomesOfFunction } from './counter-home.ts';
import type { DeclaredLocals } from './locals.ts';
import { MARK, type Marks } from './marks.ts';
import type { CodeRange } from './skeleton.ts';

/** What the emitter has to know of one function. Valid until the next function is decoded. */
export interface BodyPlan {
  readonly range: CodeRange;
  readonly declared: DeclaredLocals;
  readonly codeStart: number;
  /** Parameters and declared locals. */
  readonly locals: number;
  readonly typeIndex: number;
  readonly marks: Marks;
  readonly homes: HomesOfFunction;
  readonly facts: Readonly<BodyFacts>;
  /** Bytes of the frame against the depth limit. */
  readonly weight: number;
  /** Whether the frame is counted against the depth limit. */
  readonly counted: boolean;
}

/** What a function has besides its charges. */
export interface Checks {
  /** The entry looks at fuel. */
  readonly atEntry: boolean;
  /** The exit does: calls return to where it is reached from. */
  readonly atExit: boolean;
  /** How many checks there are that end in one trap, those of entry and exit included. */
  readonly count: number;
}

/** Marks with a check that ends in the function's common trap, or in one of its own. */
const STOPS: ReadonlySet<number> = new Set([
  MARK.loop,
  MARK.afterImportCall,
  MARK.importCall,
  MARK.importTailCall,
  MARK.length,
  MARK.wideLength,
  MARK.tableGrow,
]);

/** Counted before the code is written: what to wrap it in depends on it. */
export function checksOf({ facts, marks, homes, counted }: BodyPlan): Checks {
  let inside = 0;
  let charges = facts.hasLoop || facts.hasCall;
  for (let index = 0; index < marks.count; index++) {
    const kind = marks.kinds[index] as number;
    if (STOPS.has(kind)) inside++;
    else if ((kind === MARK.line || kind === MARK.entry) && marks.values[index] !== 0) charges = true;
  }
  const atEntry = charges || inside > 0;
  const atExit = homes.exitAfterCall && (facts.fallsThrough || facts.leavesEarly);
  return { atEntry, atExit, count: inside + (atEntry || counted ? 1 : 0) + (atExit ? 1 : 0) };
}
