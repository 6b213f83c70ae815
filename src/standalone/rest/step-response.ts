import type pg from 'pg';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { loadReadiness, type StepReadiness } from '../engine/readiness.ts';
import { notFound } from './api-error.ts';

interface StepTimes {
  readonly step_uuid: string;
  readonly task_uuid: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly completed_at: string | null;
  readonly results: JsonValue;
}

const iso = (column: string, name: string): string =>
  `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${name}`;

const STEP_TIMES = `
  SELECT workflow_step_uuid AS step_uuid, task_uuid, results, ${iso('created_at', 'created_at')},
         ${iso('updated_at', 'updated_at')}, ${iso('processed_at', 'completed_at')}
    FROM tasker.workflow_steps`;

/** `StepResponse` of every step of a task in the order of creation; empty when there is no such task. */
export async function listSteps(
  client: pg.ClientBase,
  nowMs: number | null,
  taskUuid: string,
): Promise<JsonObject[]> {
  const { rows } = await client.query<StepTimes>(
    `${STEP_TIMES} WHERE task_uuid = $1 ORDER BY created_at, workflow_step_uuid`,
    [taskUuid],
  );
  const readiness = new Map(
    (await loadReadiness(client, nowMs, [taskUuid])).map((step) => [step.stepUuid, step]),
  );
  return rows.flatMap((row) => {
    const step = readiness.get(row.step_uuid);
    return step === undefined ? [] : [toStepResponse(row, step)];
  });
}

/**
 * `StepResponse` of one step. As in Tasker its parents are not looked at: a step that has any shows 0 completed ones.
 *
 * @throws ApiError 404
 */
export async function getStep(
  client: pg.ClientBase,
  nowMs: number | null,
  taskUuid: string,
  stepUuid: string,
): Promise<JsonObject> {
  await requireStep(client, taskUuid, stepUuid);
  const { rows } = await client.query<StepTimes>(`${STEP_TIMES} WHERE workflow_step_uuid = $1`, [stepUuid]);
  const [step] = await loadReadiness(client, nowMs, [taskUuid], [stepUuid]);
  const [row] = rows;
  if (row === undefined || step === undefined) throw notFound();
  return toStepResponse(row, step);
}

/** `StepAuditResponse` of every report of a worker, the newest first. @throws ApiError 404 */
export async function listAudit(
  client: pg.ClientBase,
  taskUuid: string,
  stepUuid: string,
): Promise<JsonObject[]> {
  await requireStep(client, taskUuid, stepUuid);
  const { rows } = await client.query<AuditRow>(AUDIT, [stepUuid]);
  return rows.map(({ event, ...row }) => {
    const result = parseEvent(event);
    const filled = Object.entries({ ...row, ...(result !== undefined && { result }) });
    return Object.fromEntries(filled.filter(([, value]) => value !== null)) as JsonObject;
  });
}

interface AuditRow extends Readonly<Record<string, JsonValue>> {
  readonly event: string | null;
}

const AUDIT = `
  SELECT a.workflow_step_result_audit_uuid AS audit_uuid, a.workflow_step_uuid,
         a.workflow_step_transition_uuid AS transition_uuid, a.task_uuid, ${iso('a.recorded_at', 'recorded_at')},
         a.worker_uuid, a.correlation_id, a.success, a.execution_time_ms::float8 AS execution_time_ms,
         ns.name AS step_name, tr.from_state, tr.to_state, tr.metadata->>'event' AS event
    FROM tasker.workflow_step_result_audit a
    JOIN tasker.workflow_step_transitions tr USING (workflow_step_transition_uuid)
    JOIN tasker.workflow_steps ws ON ws.workflow_step_uuid = a.workflow_step_uuid
    JOIN tasker.named_steps ns USING (named_step_uuid)
   WHERE a.workflow_step_uuid = $1
   ORDER BY a.recorded_at DESC`;

/** untrusted: a worker wrote the event; what cannot be read is left out. */
function parseEvent(event: string | null): JsonValue | undefined {
  if (event === null) return undefined;
  try {
    return JSON.parse(event) as JsonValue;
  } catch {
    return undefined;
  }
}

async function requireStep(client: pg.ClientBase, taskUuid: string, stepUuid: string): Promise<void> {
  const { rows } = await client.query<{ task_uuid: string }>(
    'SELECT task_uuid FROM tasker.workflow_steps WHERE workflow_step_uuid = $1',
    [stepUuid],
  );
  const [row] = rows;
  if (row === undefined) throw notFound();
  if (row.task_uuid !== taskUuid.toLowerCase()) throw notFound('Step does not belong to the specified task');
}

function toStepResponse(row: StepTimes, step: StepReadiness): JsonObject {
  return {
    step_uuid: row.step_uuid,
    task_uuid: row.task_uuid,
    name: step.name,
    created_at: row.created_at,
    updated_at: row.updated_at,
    completed_at: row.completed_at,
    results: row.results,
    current_state: step.state,
    dependencies_satisfied: step.dependenciesSatisfied,
    retry_eligible: step.retryEligible,
    ready_for_execution: step.ready,
    total_parents: step.totalParents,
    completed_parents: step.completedParents,
    attempts: step.attempts,
    max_attempts: step.maxAttempts,
    last_failure_at: zoned(step.lastFailureAt),
    next_retry_at: zoned(step.nextRetryAt),
    last_attempted_at: zoned(step.lastAttemptedAt),
  };
}

const zoned = (timestamp: string | null): string | null => (timestamp === null ? null : `${timestamp}Z`);
