import type pg from 'pg';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { type Execution, executionOf } from '../engine/execution.ts';
import { loadReadiness, type StepReadiness } from '../engine/readiness.ts';

/** A task's row with its template's names and its current state. Timestamps are RFC 3339 in UTC. */
export interface TaskRow {
  readonly task_uuid: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly state: string;
  readonly complete: boolean;
  readonly created_at: string;
  readonly updated_at: string;
  readonly context: JsonValue;
  readonly initiator: string | null;
  readonly source_system: string | null;
  readonly reason: string | null;
  readonly priority: number;
  readonly tags: JsonValue;
  readonly correlation_id: string;
  readonly parent_correlation_id: string | null;
}

export const TASK_ROW = `
  SELECT t.task_uuid, nt.name, tn.name AS namespace, nt.version, COALESCE(tt.to_state, 'pending') AS state, t.complete,
         to_char(t.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
         to_char(t.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at,
         t.context, t.initiator, t.source_system, t.reason, t.priority, t.tags, t.correlation_id, t.parent_correlation_id
    FROM tasker.tasks t
    JOIN tasker.named_tasks nt USING (named_task_uuid)
    JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
    LEFT JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent`;

/** `TaskResponse` of one task, steps included; null when there is no such task. */
export async function loadTaskResponse(
  client: pg.ClientBase,
  nowMs: number | null,
  taskUuid: string,
): Promise<JsonObject | null> {
  const { rows } = await client.query<TaskRow>(`${TASK_ROW} WHERE t.task_uuid = $1`, [taskUuid]);
  const [row] = rows;
  if (row === undefined) return null;
  const steps = await loadReadiness(client, nowMs, [taskUuid]);
  return toTaskResponse(row, row.state, executionOf(steps), steps);
}

/**
 * The wire form, field by field.
 *
 * @param status the task's state; in lists Tasker says only `completed` or `pending`
 * @param steps empty in lists, as in Tasker
 */
export function toTaskResponse(
  row: TaskRow,
  status: string,
  execution: Execution,
  steps: readonly StepReadiness[],
): JsonObject {
  return {
    task_uuid: row.task_uuid,
    name: row.name,
    namespace: row.namespace,
    version: row.version,
    status,
    created_at: row.created_at,
    updated_at: row.updated_at,
    // Tasker never fills it.
    completed_at: null,
    context: row.context ?? {},
    initiator: row.initiator ?? 'unknown',
    source_system: row.source_system ?? 'unknown',
    reason: row.reason ?? 'unknown',
    priority: row.priority,
    tags: Array.isArray(row.tags) ? row.tags.filter((tag) => typeof tag === 'string') : null,
    correlation_id: row.correlation_id,
    parent_correlation_id: row.parent_correlation_id,
    total_steps: execution.totalSteps,
    pending_steps: execution.pendingSteps,
    in_progress_steps: execution.inProgressSteps,
    completed_steps: execution.completedSteps,
    failed_steps: execution.failedSteps,
    ready_steps: execution.readySteps,
    execution_status: execution.status,
    recommended_action: execution.recommendedAction,
    completion_percentage: execution.completionPercentage,
    health_status: execution.health,
    steps: steps.map(toStepReadiness),
  };
}

function toStepReadiness(step: StepReadiness): JsonObject {
  return {
    workflow_step_uuid: step.stepUuid,
    task_uuid: step.taskUuid,
    named_step_uuid: step.namedStepUuid,
    name: step.name,
    current_state: step.state,
    dependencies_satisfied: step.dependenciesSatisfied,
    retry_eligible: step.retryEligible,
    ready_for_execution: step.ready,
    last_failure_at: step.lastFailureAt,
    next_retry_at: step.nextRetryAt,
    total_parents: step.totalParents,
    completed_parents: step.completedParents,
    attempts: step.attempts,
    max_attempts: step.maxAttempts,
    backoff_request_seconds: step.backoffRequestSeconds,
    last_attempted_at: step.lastAttemptedAt,
  };
}
