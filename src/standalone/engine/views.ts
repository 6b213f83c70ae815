import type pg from 'pg';
import { BrokerError } from '../../errors.ts';
import type { JsonValue } from '../../model/json.ts';
import type { StepState, TaskState } from '../schema/states.ts';

/** A step as it is now. Times are ISO 8601 in UTC. */
export interface StepView {
  readonly stepUuid: string;
  readonly name: string;
  readonly state: StepState;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly dependsOn: readonly string[];
  /** The last `StepExecutionResult`, whole. */
  readonly results: JsonValue;
  readonly createdAt: string;
  /** The last claim. */
  readonly startedAt: string | null;
  /** The last report of a worker. */
  readonly finishedAt: string | null;
  readonly processedAt: string | null;
}

/** A task as it is now, its steps in the order of their creation. */
export interface TaskView {
  readonly taskUuid: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly status: TaskState;
  readonly requestedAt: string;
  readonly completedAt: string | null;
  readonly steps: readonly StepView[];
}

/** ISO 8601 of a UTC column without time zone. */
const iso = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** A task that can still go on by itself. */
export interface UnfinishedTask {
  readonly taskUuid: string;
  readonly version: string;
  readonly status: TaskState;
  readonly context: JsonValue;
}

/** Reads a task and its steps. @throws BrokerError ERR_INPUT_INVALID when there is no such task */
export async function viewTask(client: pg.ClientBase, taskUuid: string): Promise<TaskView> {
  const tasks = await client.query<Omit<TaskView, 'steps'>>(
    `SELECT t.task_uuid AS "taskUuid", tn.name AS namespace, nt.name, nt.version, tt.to_state AS status,
            ${iso('t.requested_at')} AS "requestedAt",
            CASE WHEN tt.to_state = 'complete' THEN ${iso('tt.created_at')} END AS "completedAt"
       FROM tasker.tasks t
       JOIN tasker.named_tasks nt USING (named_task_uuid)
       JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
       JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent
      WHERE t.task_uuid = $1`,
    [taskUuid],
  );
  const [task] = tasks.rows;
  if (task === undefined) throw new BrokerError('ERR_INPUT_INVALID', `there is no task ${taskUuid}`);
  const steps = await client.query<StepView>(
    `SELECT ws.workflow_step_uuid AS "stepUuid", ns.name, st.to_state AS state,
            COALESCE(ws.attempts, 0) AS attempts, COALESCE(ws.max_attempts, 0) AS "maxAttempts", ws.results,
            ${iso('ws.created_at')} AS "createdAt", ${iso('times.started')} AS "startedAt",
            ${iso('times.finished')} AS "finishedAt", ${iso('ws.processed_at')} AS "processedAt",
            ARRAY(SELECT pn.name::text FROM tasker.workflow_step_edges e
                    JOIN tasker.workflow_steps p ON p.workflow_step_uuid = e.from_step_uuid
                    JOIN tasker.named_steps pn ON pn.named_step_uuid = p.named_step_uuid
                   WHERE e.to_step_uuid = ws.workflow_step_uuid ORDER BY pn.name) AS "dependsOn"
       FROM tasker.workflow_steps ws
       JOIN tasker.named_steps ns USING (named_step_uuid)
       JOIN tasker.workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
      CROSS JOIN LATERAL (
        SELECT max(h.created_at) FILTER (WHERE h.to_state = 'in_progress') AS started,
               max(h.created_at) FILTER (WHERE h.to_state LIKE 'enqueued%for_orchestration') AS finished
          FROM tasker.workflow_step_transitions h WHERE h.workflow_step_uuid = ws.workflow_step_uuid) times
      WHERE ws.task_uuid = $1 ORDER BY ws.workflow_step_uuid`,
    [taskUuid],
  );
  return { ...task, steps: steps.rows };
}

/** The oldest task of a template that is neither finished nor blocked. */
export async function findUnfinishedTask(
  client: pg.ClientBase,
  namespace: string,
  name: string,
): Promise<UnfinishedTask | null> {
  const { rows } = await client.query<UnfinishedTask>(
    `SELECT t.task_uuid AS "taskUuid", nt.version, tt.to_state AS status, t.context
       FROM tasker.tasks t
       JOIN tasker.named_tasks nt USING (named_task_uuid)
       JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
       JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent
      WHERE tn.name = $1 AND nt.name = $2 AND NOT t.complete
        AND tt.to_state NOT IN ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures')
      ORDER BY t.created_at, t.task_uuid LIMIT 1`,
    [namespace, name],
  );
  return rows[0] ?? null;
}
