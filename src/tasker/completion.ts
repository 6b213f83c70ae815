import type { Queryable } from './connection.ts';
import { COMPLETE_STEPS, COMPLETED_BY_WORKER } from './sql/complete.ts';
import { type AttemptIdentity, completionEvent, type StepExecutionResult } from './step-execution-result.ts';

/** `held`: completed, but its message has to wait until the task is no longer being enqueued. */
export type Completion = 'sent' | 'held' | 'lost';

/** One attempt that has ended, in Tasker's words. */
export interface EndedAttempt {
  readonly identity: AttemptIdentity;
  readonly record: StepExecutionResult;
  /** The attempt does not count: it was broken off by us. Tasker knows no other way to give a claim back. */
  readonly uncounted: boolean;
}

/**
 * Writes the results of attempts that are still their worker's own and sends their messages, in one statement. Returns
 * what became of each, in the order given. A value that PostgreSQL cannot store fails the whole statement.
 */
export async function completeSteps(
  database: Queryable,
  attempts: readonly EndedAttempt[],
): Promise<readonly Completion[]> {
  const { rows } = await database.query<{ step_uuid: string; message_sent: boolean }>(COMPLETE_STEPS, [
    attempts.map(({ identity }) => identity.stepUuid),
    attempts.map(({ identity }) => identity.workerUuid),
    attempts.map(({ identity }) => String(identity.attempt)),
    attempts.map(({ record }) =>
      record.success ? 'enqueued_for_orchestration' : 'enqueued_as_error_for_orchestration',
    ),
    attempts.map(({ record }) => completionEvent(record)),
    attempts.map(({ record }) => JSON.stringify(record)),
    attempts.map(({ uncounted }) => uncounted),
  ]);
  const sent = new Map(rows.map((row) => [row.step_uuid, row.message_sent]));
  return attempts.map(({ identity }) => {
    const messageSent = sent.get(identity.stepUuid);
    return messageSent === undefined ? 'lost' : messageSent ? 'sent' : 'held';
  });
}

/**
 * `completeSteps` again after an answer was lost: what finds nothing to complete asks whether the try before it, whose
 * answer was lost, had succeeded.
 */
export async function completeAgain(
  database: Queryable,
  attempts: readonly EndedAttempt[],
): Promise<readonly Completion[]> {
  const completions = await completeSteps(database, attempts);
  return Promise.all(
    completions.map(async (completion, index) => {
      const identity = attempts[index]?.identity;
      if (completion !== 'lost' || identity === undefined) return completion;
      const { stepUuid, workerUuid, attempt } = identity;
      const found = await database.query(COMPLETED_BY_WORKER, [stepUuid, workerUuid, String(attempt)]);
      // If that try held its message back, the sweep for stranded results sends it.
      return found.rows[0].completed ? 'sent' : 'lost';
    }),
  );
}
