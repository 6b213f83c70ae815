import type { StepResult } from '../model/step-result.ts';
import type { Settlement } from '../queue/step-queue.ts';
import type { Database, Queryable } from './connection.ts';
import { databaseError, isConflict, isUnavailable, isUnstorableData } from './database-error.ts';
import { retryTransient } from './retry.ts';
import { COMPLETE_STEP, COMPLETED_BY_WORKER } from './sql/complete.ts';
import {
  type AttemptIdentity,
  asOutputFailure,
  completionEvent,
  type StepExecutionResult,
  toStepExecutionResult,
} from './step-execution-result.ts';

/** `held`: completed, but its message has to wait until the task is no longer being enqueued. */
export type Completion = 'sent' | 'held' | 'lost';

/** Writes the result and sends its message, if this attempt is still the worker's own. One statement. */
export async function completeStep(
  database: Queryable,
  identity: AttemptIdentity,
  result: StepExecutionResult,
): Promise<Completion> {
  const { rows } = await database.query<{ message_sent: boolean }>(COMPLETE_STEP, [
    identity.stepUuid,
    identity.workerUuid,
    String(identity.attempt),
    result.success ? 'enqueued_for_orchestration' : 'enqueued_as_error_for_orchestration',
    completionEvent(result),
    JSON.stringify(result),
  ]);
  const [row] = rows;
  if (row === undefined) return 'lost';
  return row.message_sent ? 'sent' : 'held';
}

/**
 * Settles one attempt for good: repeats the statement while the database is away or in conflict, and reports what it
 * refuses to store as that step's permanent failure. Rejects with ERR_DATABASE_UNAVAILABLE when the database stays away.
 */
export async function settleAttempt(
  database: Database,
  identity: AttemptIdentity,
  result: StepResult,
  onHeld: (stepUuid: string) => void,
): Promise<Settlement> {
  const record = translated(identity, result);
  try {
    const completion = await retryTransient(
      (repeated) => completeOrFind(database.pool, identity, record, repeated),
      (error) => isUnavailable(error) || isConflict(error),
    );
    if (completion === 'held') onHeld(identity.stepUuid);
    return completion === 'lost' ? 'lost' : 'settled';
  } catch (error) {
    // The last line of defence: what the checks let through and PostgreSQL still refuses.
    if (!isUnstorableData(error) || !record.success) throw databaseError(error, database.name);
    const refused = asOutputFailure({ ...result, custom: {} }, 'PostgreSQL refused it');
    return settleAttempt(database, identity, refused, onHeld);
  }
}

/** A repeated completion that finds nothing asks whether the try before it, whose answer was lost, had succeeded. */
async function completeOrFind(
  database: Queryable,
  identity: AttemptIdentity,
  record: StepExecutionResult,
  repeated: boolean,
): Promise<Completion> {
  const completion = await completeStep(database, identity, record);
  if (completion !== 'lost' || !repeated) return completion;
  const { stepUuid, workerUuid, attempt } = identity;
  const found = await database.query(COMPLETED_BY_WORKER, [stepUuid, workerUuid, String(attempt)]);
  // If that try held its message back, the sweep for stranded results sends it.
  return found.rows[0].completed ? 'sent' : 'lost';
}

/** A result that cannot be put into Tasker's words is a fault of ours, but the step must still end. */
function translated(identity: AttemptIdentity, result: StepResult): StepExecutionResult {
  try {
    return toStepExecutionResult(identity, result);
  } catch {
    return toStepExecutionResult(identity, {
      success: false,
      output: {},
      error: {
        code: 'ERR_INTERNAL',
        message: 'the broker built a result that Tasker could not read; this is a fault of the broker',
        errorType: 'handler_error',
        retryable: false,
        retryAfterMs: null,
      },
      handlerVersion: null,
      startedAtMs: Date.now(),
      executionMs: 0,
      custom: {},
    });
  }
}
