import type { StepError, StepResult } from '../model/step-result.ts';
import { completeSteps } from './completion.ts';
import type { Database, Queryable } from './connection.ts';
import { HOLD_MAX_MS } from './held-results.ts';
import { describeSteps } from './hydrate.ts';
import { forgetInstance, type Morgue } from './instances.ts';
import { queueTableOf, workerQueue } from './queues.ts';
import { RESEND_STRANDED_RESULTS } from './sql/complete.ts';
import { NUDGE_DUE_RETRIES, NUDGE_STALLED_TASKS } from './sql/nudge.ts';
import { LOCK_DEAD_INSTANCE, STEPS_OF_INSTANCE, strandedSteps } from './sql/recover.ts';
import { type AttemptIdentity, toStepExecutionResult } from './step-execution-result.ts';
import { endOverdueWaits } from './waiting.ts';

/** Repairs what crashes left behind, in one namespace. */
export interface Recovery {
  /** One pass over everything. Never rejects; what failed is reported and tried again in the next pass. */
  run(): Promise<void>;
}

export interface RecoveryOptions {
  readonly database: Database;
  readonly namespace: string;
  readonly morgue: Morgue;
  readonly now: () => number;
  /** Steps that are enqueued without a message; to be claimed by id. */
  readonly onStrandedSteps: (stepUuids: readonly string[]) => void;
  /** A recovered step's message has to wait. */
  readonly onHeld: (stepUuid: string) => void;
  readonly onError: (error: unknown) => void;
}

/** The orchestrator sends right after it has enqueued; a step this old will get no message any more. */
const STRANDED_STEP_MS = 5000;
/** Longer than any message is held back, so that a sweep never sends what its broker is about to send. */
const STRANDED_RESULT_MS = HOLD_MAX_MS + 1000;
const STRANDED_BATCH = 100;
/** A task in process whose steps have all been over for so long is not being evaluated by anybody. */
const STALLED_TASK_MS = 10_000;

const ORPHANED: StepError = Object.freeze({
  code: 'ERR_ORPHANED',
  message: 'the broker that ran this attempt ended without reporting a result; the attempt counts',
  errorType: 'retryable_error',
  retryable: true,
  retryAfterMs: null,
});

export function createRecovery(options: RecoveryOptions): Recovery {
  const { database, namespace, morgue, now, onError } = options;
  const { pool } = database;
  const strandedStepsOfQueue = strandedSteps(queueTableOf(workerQueue(namespace)));

  const recoverOrphans = async (): Promise<void> => {
    for (const workerUuid of await morgue.findDead(pool, now())) {
      const held = await database.transaction((client) => recoverInstance(client, workerUuid, now()));
      for (const stepUuid of held) options.onHeld(stepUuid);
    }
  };

  const findStrandedSteps = async (): Promise<void> => {
    const { rows } = await pool.query<{ step_uuid: string }>(strandedStepsOfQueue, [
      namespace,
      STRANDED_STEP_MS,
      STRANDED_BATCH,
    ]);
    if (rows.length > 0) options.onStrandedSteps(rows.map(({ step_uuid }) => step_uuid));
  };

  const nudgeTasks = async (): Promise<void> => {
    await pool.query(NUDGE_DUE_RETRIES, [namespace]);
    await pool.query(NUDGE_STALLED_TASKS, [namespace, STALLED_TASK_MS]);
  };

  const endWaits = async (): Promise<void> => {
    await endOverdueWaits(database, namespace, now());
  };

  const resendStrandedResults = async (): Promise<void> => {
    await pool.query(RESEND_STRANDED_RESULTS, [namespace, STRANDED_RESULT_MS]);
  };

  return {
    async run() {
      const parts = [recoverOrphans, findStrandedSteps, resendStrandedResults, endWaits, nudgeTasks];
      for (const part of parts) {
        await part().catch(onError);
      }
    },
  };
}

/**
 * Completes what a dead instance had claimed, each step as a retryable failure that has used up its attempt. Returns
 * the steps whose message has to wait. Does nothing when the instance turns out to live.
 */
async function recoverInstance(
  client: Queryable,
  workerUuid: string,
  nowMs: number,
): Promise<readonly string[]> {
  const lock = await client.query<{ locked: boolean }>(LOCK_DEAD_INSTANCE, [workerUuid]);
  if (lock.rows[0]?.locked !== true) return [];
  const ended = (await orphansOf(client, workerUuid)).map(({ identity, error }) => ({
    identity,
    record: toStepExecutionResult(identity, failureOf(error, nowMs)).record,
    uncounted: false,
  }));
  const completions = await completeSteps(client, ended);
  await forgetInstance(client, workerUuid);
  return ended.flatMap(({ identity }, index) => (completions[index] === 'held' ? [identity.stepUuid] : []));
}

function failureOf(error: StepError, nowMs: number): StepResult {
  return {
    success: false,
    output: {},
    error,
    handlerVersion: null,
    startedAtMs: nowMs,
    executionMs: 0,
    custom: {},
  };
}

interface Orphan {
  readonly identity: AttemptIdentity;
  readonly error: StepError;
}

async function orphansOf(client: Queryable, workerUuid: string): Promise<readonly Orphan[]> {
  const { rows } = await client.query<{ step_uuid: string; attempt: number }>(STEPS_OF_INSTANCE, [
    workerUuid,
  ]);
  const attempts = new Map(rows.map(({ step_uuid, attempt }) => [step_uuid, attempt]));
  const { steps, unusable } = await describeSteps(client, [...attempts.keys()]);
  const identityOf = (stepUuid: string): AttemptIdentity => ({
    stepUuid,
    workerUuid,
    hostname: null,
    attempt: attempts.get(stepUuid) ?? 1,
    retry: { backoff: 'none', backoffBaseMs: null, maxBackoffMs: null },
    retryable: true,
  });
  return [
    ...steps.map(({ invocation, retryable }) => ({
      identity: { ...identityOf(invocation.stepUuid), retry: invocation.retry, retryable },
      error: ORPHANED,
    })),
    ...unusable.map(({ stepUuid, error }) => ({ identity: identityOf(stepUuid), error })),
  ];
}
