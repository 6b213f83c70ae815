import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from './connection.ts';
import { RELEASE_HELD_RESULTS } from './sql/complete.ts';

/** How long a message waits at most; a task is enqueued in milliseconds, unless its orchestrator has died. */
export const HOLD_MAX_MS = 5000;
const CHECK_EVERY_MS = 25;

/** Completed steps whose message waits until their task has been enqueued completely. */
export interface HeldResults {
  add(stepUuid: string): void;
  /** One look at all of them: sends what may go or has waited long enough. Returns how many stay. */
  release(): Promise<number>;
  /** Resolves when none is left, or after `HOLD_MAX_MS`; the sweep for stranded results sends what is left then. */
  close(): Promise<void>;
}

export interface HeldResultsOptions {
  readonly database: Queryable;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

export function createHeldResults({ database, now, onError }: HeldResultsOptions): HeldResults {
  const deadlines = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  const release = async (): Promise<number> => {
    const steps = [...deadlines.keys()];
    if (steps.length === 0) return 0;
    const nowMs = now();
    const overdue = steps.map((step) => nowMs >= (deadlines.get(step) ?? 0));
    const { rows } = await database.query<{ step_uuid: string; waiting: boolean }>(RELEASE_HELD_RESULTS, [
      steps,
      overdue,
    ]);
    const waiting = new Set(rows.filter((row) => row.waiting).map((row) => row.step_uuid));
    for (const step of steps) if (!waiting.has(step)) deadlines.delete(step);
    return deadlines.size;
  };

  const tick = async (): Promise<void> => {
    try {
      await release();
    } catch (error) {
      onError(error);
      dropOverdue();
    }
  };

  /** With the database away for so long, the sweep for stranded results takes over. */
  const dropOverdue = (): void => {
    for (const [step, deadlineMs] of deadlines) if (now() >= deadlineMs) deadlines.delete(step);
  };

  const schedule = (): void => {
    if (timer !== undefined || deadlines.size === 0) return;
    timer = setTimeout(() => {
      running = tick().finally(() => {
        timer = undefined;
        schedule();
      });
    }, CHECK_EVERY_MS);
  };

  return {
    add(stepUuid) {
      deadlines.set(stepUuid, now() + HOLD_MAX_MS);
      schedule();
    },
    release,
    async close() {
      for (let waitedMs = 0; deadlines.size > 0 && waitedMs < HOLD_MAX_MS; waitedMs += CHECK_EVERY_MS) {
        await sleep(CHECK_EVERY_MS);
      }
      deadlines.clear();
      clearTimeout(timer);
      await running;
    },
  };
}
