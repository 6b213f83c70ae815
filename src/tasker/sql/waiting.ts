/*
 * Steps that wait for a person. Tasker sees them in progress; what they wait for is in schema `wasm_broker`.
 */

/**
 * $1 step, $2 worker uuid, $3 attempt. How long the step's task has been in process, in milliseconds, and for how long
 * its template lets it; no row when the step is not the worker's any more.
 */
export const ROOM_TO_WAIT = `
SELECT CASE WHEN tt.to_state = 'steps_in_process'
            THEN EXTRACT(EPOCH FROM NOW() - tt.created_at) * 1000 ELSE 0 END::float8 AS in_process_ms,
       CASE WHEN jsonb_typeof(nt.configuration #> '{lifecycle,max_steps_in_process_minutes}') = 'number'
            THEN (nt.configuration #>> '{lifecycle,max_steps_in_process_minutes}')::float8 END AS allowed_minutes
  FROM tasker.workflow_step_transitions tr
  JOIN tasker.workflow_steps ws ON ws.workflow_step_uuid = tr.workflow_step_uuid
  JOIN tasker.tasks t ON t.task_uuid = ws.task_uuid
  JOIN tasker.named_tasks nt ON nt.named_task_uuid = t.named_task_uuid
  LEFT JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent
 WHERE tr.workflow_step_uuid = $1::uuid AND tr.most_recent AND tr.to_state = 'in_progress'
   AND tr.metadata->>'worker_uuid' = $2::text AND tr.metadata->>'attempt' = $3::text`;

/**
 * $1 step, $2 worker uuid, $3 attempt, $4 namespace, $5 what is parked, $6 since and $7 until, in milliseconds of the
 * epoch. One row when it is parked; none when the step was not the worker's any more.
 *
 * Safe because the claim's transition is locked while its owner is compared: a step that was cancelled meanwhile is not
 * parked. A row that an earlier attempt left behind is replaced.
 */
export const PARK_STEP = `
WITH owned AS (
  SELECT tr.workflow_step_uuid, ws.task_uuid
    FROM tasker.workflow_step_transitions tr
    JOIN tasker.workflow_steps ws ON ws.workflow_step_uuid = tr.workflow_step_uuid
   WHERE tr.workflow_step_uuid = $1::uuid AND tr.most_recent AND tr.to_state = 'in_progress'
     AND tr.metadata->>'worker_uuid' = $2::text AND tr.metadata->>'attempt' = $3::text
     FOR UPDATE OF tr
)
INSERT INTO wasm_broker.waiting_steps
  (step_uuid, task_uuid, namespace, worker_uuid, attempt, parked, since, until)
SELECT workflow_step_uuid, task_uuid, $4::text, $2::uuid, $3::int, $5::jsonb,
       to_timestamp($6::float8 / 1000), to_timestamp($7::float8 / 1000)
  FROM owned
ON CONFLICT (step_uuid) DO UPDATE
   SET worker_uuid = EXCLUDED.worker_uuid, attempt = EXCLUDED.attempt, parked = EXCLUDED.parked,
       since = EXCLUDED.since, until = EXCLUDED.until
RETURNING step_uuid`;

const WAITING = `
SELECT w.step_uuid, w.task_uuid, w.worker_uuid, w.attempt, w.parked,
       EXTRACT(EPOCH FROM w.since)::float8 * 1000 AS since_ms, EXTRACT(EPOCH FROM w.until)::float8 * 1000 AS until_ms,
       ns.name AS step_name, nt.name AS task_name
  FROM wasm_broker.waiting_steps w
  JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = w.step_uuid AND tr.most_recent
   AND tr.to_state = 'in_progress' AND tr.metadata->>'worker_uuid' = w.worker_uuid::text
   AND tr.metadata->>'attempt' = w.attempt::text
  JOIN tasker.workflow_steps ws ON ws.workflow_step_uuid = w.step_uuid
  JOIN tasker.named_steps ns ON ns.named_step_uuid = ws.named_step_uuid
  JOIN tasker.tasks t ON t.task_uuid = w.task_uuid
  JOIN tasker.named_tasks nt ON nt.named_task_uuid = t.named_task_uuid`;

/** $1 namespace: the steps that wait, the one that has to be decided first at the top. */
export const LIST_WAITING = `${WAITING} WHERE w.namespace = $1::text ORDER BY w.until, w.step_uuid`;

/** $1 step, $2 namespace: one step that waits, locked against a second decision. */
export const LOCK_WAITING = `${WAITING} WHERE w.step_uuid = $1::uuid AND w.namespace = $2::text FOR UPDATE OF w`;

/** $1 namespace, $2 now in milliseconds of the epoch, $3 how many: steps whose time to wait is over, locked. */
export const LOCK_OVERDUE = `${WAITING}
 WHERE w.namespace = $1::text AND w.until <= to_timestamp($2::float8 / 1000)
 ORDER BY w.until LIMIT $3::int FOR UPDATE OF w SKIP LOCKED`;

/** $1 steps. */
export const FORGET_WAITING = `DELETE FROM wasm_broker.waiting_steps WHERE step_uuid = ANY ($1::uuid[])`;

/** $1 namespace. Removes what waits for nothing any more: the step was cancelled, resolved by hand or claimed anew. */
export const FORGET_MOVED_ON = `
DELETE FROM wasm_broker.waiting_steps w
 WHERE w.namespace = $1::text
   AND NOT EXISTS (
     SELECT FROM tasker.workflow_step_transitions tr
      WHERE tr.workflow_step_uuid = w.step_uuid AND tr.most_recent AND tr.to_state = 'in_progress'
        AND tr.metadata->>'worker_uuid' = w.worker_uuid::text AND tr.metadata->>'attempt' = w.attempt::text)`;
