import { BrokerError } from '../../errors.ts';

/**
 * States of a lane:
 *
 * | state    | meaning                                            | left by                           |
 * |----------|----------------------------------------------------|-----------------------------------|
 * | starting | its other side is coming up; jobs may be sent to it | `ready` message, loss, close      |
 * | ready    | runs jobs                                          | retirement, loss, close           |
 * | retiring | takes no more jobs, finishes those it has          | loss, close                       |
 * | closing  | told to end; runs nothing any more                 | end of its other side             |
 * | dead     | its other side is gone; final                      |                                   |
 */
export type LaneState = 'starting' | 'ready' | 'retiring' | 'closing' | 'dead';

const NEXT: Readonly<Record<LaneState, readonly LaneState[]>> = {
  starting: ['ready', 'retiring', 'closing', 'dead'],
  ready: ['retiring', 'closing', 'dead'],
  retiring: ['closing', 'dead'],
  closing: ['dead'],
  dead: [],
};

/** `next`, if a lane can go there. */
export function laneStateAfter(state: LaneState, next: LaneState): LaneState {
  if (NEXT[state].includes(next)) return next;
  throw new BrokerError('ERR_INTERNAL', `a lane cannot go from ${state} to ${next}`);
}
