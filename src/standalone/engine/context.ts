import type pg from 'pg';
import type { EngineEvent } from './events.ts';

/** What the parts of the engine share within one transaction. */
export interface Wave {
  readonly client: pg.ClientBase;
  /** The injected time, or null for the database's own clock. */
  readonly nowMs: number | null;
  /** 0 ≤ n < 1, as `Math.random`. */
  readonly random: () => number;
  /** Events to report when the transaction is committed. */
  readonly events: EngineEvent[];
}

/** The wave's time as a statement parameter: use it as `COALESCE($n::timestamptz, now())`. */
export function timestampOf(wave: Wave): string | null {
  return wave.nowMs === null ? null : new Date(wave.nowMs).toISOString();
}
