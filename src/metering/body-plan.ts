import type { BodyFacts } from './body-context.ts';
import type { Marks } from './marks.ts';
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
