import type { StepResult } from '../model/step-result.ts';
import type { Settled } from '../queue/step-queue.ts';
import { type Completion, completeAgain, completeSteps, type EndedAttempt } from './completion.ts';
import type { Database } from './connection.ts';
import { databaseError, isConflict, isUnavailable, isUnstorableData } from './database-error.ts';
import { retryTransient } from './retry.ts';
import { type AttemptIdentity, asOutputFailure, toStepExecutionResult } from './step-execution-result.ts';

/** Steps that one statement completes at most. */
const BATCH_MAX = 100;

/** Reports attempts for good, many in one statement. */
export interface Settler {
  /**
   * Repeats the statement while the database is away or in conflict, and reports what PostgreSQL refuses to store as
   * that step's permanent failure. Rejects with ERR_DATABASE_UNAVAILABLE when the database stays away.
   */
  settle(identity: AttemptIdentity, result: StepResult): Promise<Settled>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

interface Pending {
  readonly identity: AttemptIdentity;
  readonly result: StepResult;
  readonly resolve: (settled: Settled) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One statement is under way at a time and takes what has arrived meanwhile: batches grow with the load, and a single
 * result waits for nothing.
 */
export function createSettler(database: Database, onHeld: (stepUuid: string) => void): Settler {
  let pending: Pending[] = [];
  let flushing: Promise<void> | null = null;

  const flush = async (): Promise<void> => {
    while (pending.length > 0) {
      const batch = pending.slice(0, BATCH_MAX);
      pending = pending.slice(BATCH_MAX);
      await report(database, batch, onHeld);
    }
    flushing = null;
  };

  return {
    settle: (identity, result) =>
      new Promise((resolve, reject) => {
        pending.push({ identity, result, resolve, reject });
        // Results that end in the same turn of the event loop share a statement from the first on.
        flushing ??= new Promise<void>((turn) => setImmediate(turn)).then(flush);
      }),
    async idle() {
      await flushing;
    },
  };
}

/** Never rejects: every one of the batch is answered by itself. */
async function report(
  database: Database,
  batch: readonly Pending[],
  onHeld: (stepUuid: string) => void,
): Promise<void> {
  const attempts = batch.map(({ identity, result }) => translated(identity, result));
  try {
    const completions = await complete(database, attempts);
    batch.forEach((one, index) => {
      const completion = completions[index] ?? 'lost';
      if (completion === 'held') onHeld(one.identity.stepUuid);
      one.resolve({
        settlement: completion === 'lost' ? 'lost' : 'settled',
        refused: one.result.success ? (attempts[index]?.refused ?? null) : null,
      });
    });
  } catch (error) {
    if (isUnstorableData(error)) return reportUnstorable(database, batch, error, onHeld);
    for (const one of batch) one.reject(databaseError(error, database.name));
  }
}

/** The last line of defence: what the checks let through and PostgreSQL still refuses fails its own step only. */
async function reportUnstorable(
  database: Database,
  batch: readonly Pending[],
  error: unknown,
  onHeld: (stepUuid: string) => void,
): Promise<void> {
  if (batch.length > 1) {
    for (const one of batch) await report(database, [one], onHeld);
    return;
  }
  for (const one of batch) {
    if (!one.result.success) {
      one.reject(databaseError(error, database.name));
      continue;
    }
    const failure = asOutputFailure({ ...one.result, custom: {} }, 'PostgreSQL refused it');
    const resolve = ({ settlement }: Settled) => one.resolve({ settlement, refused: failure.error });
    await report(database, [{ ...one, result: failure, resolve }], onHeld);
  }
}

function complete(database: Database, attempts: readonly EndedAttempt[]): Promise<readonly Completion[]> {
  return retryTransient(
    (repeated) => (repeated ? completeAgain : completeSteps)(database.pool, attempts),
    (error) => isUnavailable(error) || isConflict(error),
  );
}

interface Translated extends EndedAttempt {
  /** Why the success that was reported is stored as a failure. */
  readonly refused: StepResult['error'];
}

/** A result that cannot be put into Tasker's words is a fault of ours, but the step must still end. */
function translated(identity: AttemptIdentity, result: StepResult): Translated {
  const uncounted = result.uncounted === true;
  try {
    const { record, refused } = toStepExecutionResult(identity, result);
    return { identity, record, refused, uncounted };
  } catch {
    const { record } = toStepExecutionResult(identity, untranslatable());
    return { identity, record, refused: untranslatable().error, uncounted };
  }
}

function untranslatable(): StepResult {
  return {
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
  };
}
