import type pg from 'pg';

/** Steps whose worker has reported: processed at start, because the message may have been lost with a crash. */
export async function findReportedSteps(client: pg.ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ uuid: string }>(
    `SELECT workflow_step_uuid AS uuid FROM tasker.workflow_step_transitions
      WHERE most_recent AND to_state IN ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
      ORDER BY created_at`,
  );
  return rows.map((row) => row.uuid);
}

/** Tasks with a step whose backoff is over at the given time (null: the database's). */
export async function findDueTasks(client: pg.ClientBase, nowMs: number | null): Promise<readonly string[]> {
  const { rows } = await client.query<{ uuid: string }>(
    `SELECT DISTINCT ws.task_uuid AS uuid
       FROM tasker.workflow_step_transitions st
       JOIN tasker.workflow_steps ws USING (workflow_step_uuid)
       JOIN tasker.task_transitions tt ON tt.task_uuid = ws.task_uuid AND tt.most_recent
      WHERE st.most_recent AND st.to_state = 'waiting_for_retry'
        AND tt.to_state IN ('steps_in_process', 'waiting_for_dependencies')
        AND (COALESCE(ws.attempts, 0) = 0 OR ws.retryable AND ws.attempts < COALESCE(ws.max_attempts, 3))
        AND (ws.backoff_request_seconds IS NULL OR ws.last_attempted_at IS NULL
             OR ws.last_attempted_at + make_interval(secs => ws.backoff_request_seconds)
                <= COALESCE($1::timestamptz, now()) AT TIME ZONE 'UTC')`,
    [nowMs === null ? null : new Date(nowMs).toISOString()],
  );
  return rows.map((row) => row.uuid);
}

/** Locks a task for a wave of its own. */
export async function lockTask(client: pg.ClientBase, taskUuid: string): Promise<void> {
  await client.query('SELECT FROM tasker.tasks WHERE task_uuid = $1 FOR NO KEY UPDATE', [taskUuid]);
}
