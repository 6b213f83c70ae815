import type { BodyFacts } from './body-context.ts';
import { MARK, type Marks } from './marks.ts';
import type { CodeRange } from './skeleton.ts';

/** What the emitter has to know of one function. Valid until the next function is decoded. */
export interface BodyPlan {
  readonly range: CodeRange;
  /** Number of groups of declared locals, where the groups start, and where the code starts. */
  readonly localGroups: number;
  readonly localsStart: number;
  readonly codeStart: number;
  /** Parameters and declared locals. */
  readonly locals: number;
  readonly typeIndex: number;
  readonly marks: Marks;
  readonly facts: Readonly<BodyFacts>;
  /** Bytes of the frame against the depth limit. */
  readonly weight: number;
  /** Whether the frame is counted against the depth limit. */
  readonly counted: boolean;
}

/** Whether the counter lives in a local. Where a caught exception may have changed it, it cannot. */
export function keepsLocal({ facts }: BodyPlan): boolean {
  return facts.hasLoop && !facts.hasCatch;
}

/** Whether anything is charged or checked at all. */
export function needsCheck({ facts, marks }: BodyPlan): boolean {
  if (facts.hasLoop || facts.hasCall || facts.hasLength || facts.hasWideLength) return true;
  for (let index = 0; index < marks.count; index++) {
    if (marks.kinds[index] === MARK.line || marks.kinds[index] === MARK.entry) {
      if (marks.values[index] !== 0) return true;
    }
  }
  return false;
}
