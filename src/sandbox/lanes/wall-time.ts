import type { Limits } from '../../model/limits.ts';
import type { Exhausted } from '../../model/outcome.ts';

/** True when an invocation entered at `enteredMs` (0 = not entered) has used up its wall time. */
export function overWallTime(enteredMs: number, nowMs: number, limits: Limits): boolean {
  return enteredMs > 0 && nowMs - enteredMs > limits.wall_ms;
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
