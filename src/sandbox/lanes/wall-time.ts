import type { Limits } from '../../model/limits.ts';
import type { Exhausted } from '../../model/outcome.ts';
import { clockOf } from '../protocol.ts';

/** What the broker itself knows about the time of an invocation on a lane. */
export interface Replies {
  /** Replies to host calls that were sent to its guest. */
  sent: number;
  lastSentAtMs: number;
}

/**
 * How long the invocation in `slot` has been at work: instantiation, guest, its host calls; not the time for which it
 * could go on but its lane was busy. 0 when it was not entered.
 */
export function elapsedMs(clock: Float64Array, slot: number, replies: Replies, nowMs: number): number {
  const at = clockOf(slot);
  const enteredMs = clock[at] ?? 0;
  if (enteredMs === 0) return 0;
  const waitsForLane = replies.sent > (clock[at + 1] ?? 0);
  return Math.max(0, (waitsForLane ? replies.lastSentAtMs : nowMs) - enteredMs);
}

/** The outcome of a guest that was stopped by the clock. */
export function wallTimeVerdict(limits: Limits, wallMs: number): Exhausted {
  const allowed = limits.wall_ms;
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_WALL_TIME',
    message: `the invocation took longer than limits.wall_ms = ${allowed} allows`,
    limit: 'wall_ms',
    allowed,
    used: Math.round(wallMs),
    setting: 'limits.wall_ms',
  };
}
