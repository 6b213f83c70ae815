import { randomUUID } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { completeSteps } from '../completion.ts';
import type { Queryable } from '../connection.ts';
import { ORCHESTRATOR_RESULTS, queueTableOf, workerQueue } from '../queues.ts';
import { CLAIM_STEPS } from '../sql/claim.ts';
import { type AttemptIdentity, toStepExecutionResult } from '../step-execution-result.ts';
import { type Difference, MIGRATE } from './difference.ts';

/** Whether the role may create a task, which is the orchestrator's business: a least-privilege role may not. */
const MAY_CREATE_TASKS = `
SELECT bool_and(has_table_privilege(c.oid, 'INSERT')) AS may
  FROM pg_class c
 WHERE c.relnamespace = to_regnamespace('tasker')
   AND c.relname IN ('tasks', 'task_transitions', 'named_tasks', 'named_steps', 'workflow_steps', 'task_namespaces')`;

/** $1 a unique name, $2 queue. A task with one enqueued step and its message, as the orchestrator makes it. */
const CREATE_STEP = `
WITH namespace AS (
  INSERT INTO tasker.task_namespaces (name, created_at, updated_at) VALUES ($1::text, NOW(), NOW())
  RETURNING task_namespace_uuid
), template AS (
  INSERT INTO tasker.named_tasks (task_namespace_uuid, name, version, configuration, created_at, updated_at)
  SELECT task_namespace_uuid, $1::text, '1.0.0', '{}', NOW(), NOW() FROM namespace RETURNING named_task_uuid
), name AS (
  INSERT INTO tasker.named_steps (name, created_at, updated_at) VALUES ($1::text, NOW(), NOW()) RETURNING named_step_uuid
), task AS (
  INSERT INTO tasker.tasks
    (named_task_uuid, requested_at, identity_hash, context, correlation_id, created_at, updated_at)
  SELECT named_task_uuid, NOW(), $1::text, '{}', gen_random_uuid(), NOW(), NOW() FROM template
  RETURNING task_uuid, correlation_id
), step AS (
  INSERT INTO tasker.workflow_steps (task_uuid, named_step_uuid, created_at, updated_at)
  SELECT task_uuid, named_step_uuid, NOW(), NOW() FROM task, name RETURNING workflow_step_uuid, task_uuid
)
SELECT step.workflow_step_uuid AS step_uuid, step.task_uuid,
       tasker.pgmq_send_with_notify($2::text, jsonb_build_object('task_uuid', step.task_uuid,
         'step_uuid', step.workflow_step_uuid, 'correlation_id', task.correlation_id)) AS message_id
  FROM step, task`;
const ENQUEUE_STEP = `
INSERT INTO tasker.workflow_step_transitions
  (workflow_step_uuid, to_state, sort_key, most_recent, created_at, updated_at)
VALUES ($1::uuid, 'enqueued', 1, true, NOW(), NOW())`;
const RUN_TASK = `
INSERT INTO tasker.task_transitions (task_uuid, to_state, sort_key, most_recent, created_at, updated_at)
VALUES ($1::uuid, 'steps_in_process', 1, true, NOW(), NOW())`;
/** $1 step. What a claim and a completion have to leave behind. */
const observe = (queueTable: string, resultTable: string) => `
SELECT tr.to_state AS state, ws.attempts, ws.in_process, ws.results->'result' AS result,
       (SELECT count(*)::int FROM tasker.workflow_step_result_audit a
         WHERE a.workflow_step_uuid = $1::uuid AND a.success) AS audited,
       (SELECT count(*)::int FROM ${queueTable} q WHERE q.message->>'step_uuid' = $1::text) AS deliveries,
       (SELECT count(*)::int FROM ${resultTable} q WHERE q.message->>'step_uuid' = $1::text) AS results
  FROM tasker.workflow_steps ws
  JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = ws.workflow_step_uuid AND tr.most_recent
 WHERE ws.workflow_step_uuid = $1::uuid`;

const EXPECTED: Readonly<Record<string, unknown>> = {
  state: 'enqueued_for_orchestration',
  attempts: 1,
  in_process: false,
  result: 'self-test',
  audited: 1,
  deliveries: 0,
  results: 1,
};

/**
 * Makes a step, claims it and completes it. `client` has to be in a transaction that is rolled back: then nothing of it
 * is ever seen, no message and no notification. Without the right to create a task it does nothing.
 */
export async function selfTest(client: Queryable, namespace: string): Promise<readonly Difference[]> {
  if ((await client.query(MAY_CREATE_TASKS)).rows[0].may !== true) return [];
  try {
    const found = await runStep(client, workerQueue(namespace));
    return Object.entries(EXPECTED).flatMap(([fact, expected]) =>
      found[fact] === expected ? [] : [differs(`self-test, ${fact}`, String(expected), String(found[fact]))],
    );
  } catch (error) {
    return [differs('self-test', 'a step to be claimed and completed', messageOf(error))];
  }
}

async function runStep(client: Queryable, queue: string): Promise<Readonly<Record<string, unknown>>> {
  const workerUuid = randomUUID();
  const name = `self_test_${workerUuid.slice(0, 8)}`;
  const { step_uuid, task_uuid, message_id } = (await client.query(CREATE_STEP, [name, queue])).rows[0];
  await client.query(ENQUEUE_STEP, [step_uuid]);
  await client.query(RUN_TASK, [task_uuid]);
  await client.query(CLAIM_STEPS, [[step_uuid], [message_id], workerUuid, queue]);
  await complete(client, step_uuid, workerUuid);
  const sql = observe(queueTableOf(queue), queueTableOf(ORCHESTRATOR_RESULTS));
  return (await client.query(sql, [step_uuid])).rows[0];
}

async function complete(client: Queryable, stepUuid: string, workerUuid: string): Promise<void> {
  const identity: AttemptIdentity = {
    stepUuid,
    workerUuid,
    hostname: null,
    attempt: 1,
    retry: { backoff: 'none', backoffBaseMs: null, maxBackoffMs: null },
    retryable: true,
  };
  const { record } = toStepExecutionResult(identity, {
    success: true,
    output: 'self-test',
    error: null,
    handlerVersion: null,
    startedAtMs: 0,
    executionMs: 0,
    custom: {},
  });
  await completeSteps(client, [{ identity, record, uncounted: false }]);
}

function differs(subject: string, expected: string, got: string): Difference {
  return { severity: 'error', subject, expected, got, cure: MIGRATE };
}
