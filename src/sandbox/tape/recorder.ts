import type { BoundaryAnswer } from '../../host/host-call.ts';

/** What the guest saw of one call; the rest is in its record. */
export interface Answered {
  readonly wireNumber: number;
  readonly answer: BoundaryAnswer;
  readonly timeMs: number | null;
}

/** Keeps what an invocation's calls answered. Its memory is bounded by the limits of calls and answers. */
export interface Recorder {
  readonly answered: readonly Answered[];
  add(call: Answered): void;
}

/** A recorder for one invocation. */
export function createRecorder(): Recorder {
  const answered: Answered[] = [];
  return Object.freeze({ answered, add: (call: Answered) => void answered.push(call) });
}
