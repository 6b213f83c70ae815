import type { TaskState } from '../schema/states.ts';
import type { Connections } from './connections.ts';
import { timestampOf } from './context.ts';

/**
 * Tasker's staleness detector: tasks that have been in one state for longer than its limit, or are older than a day,
 * go to `error` and the dead-letter queue. The template's `lifecycle` raises the limit of a state, not the day.
 */
export async function failStaleTasks({ inWave }: Connections): Promise<void> {
  await inWave(async (wave) => {
    const { rows } = await wave.client.query<{ taskUuid: string; state: TaskState }>(FAIL_STALE, [
      timestampOf(wave),
    ]);
    for (const { taskUuid, state } of rows) wave.events.push({ type: 'task_stale', taskUuid, state });
  });
}

const FAIL_STALE = `
  WITH aged AS (
    SELECT t.task_uuid, tt.to_state, tt.sort_key, t.correlation_id, t.priority, tn.name AS namespace, nt.name AS task_name,
           extract(epoch FROM clock.now - tt.created_at) / 60 AS in_state_minutes,
           extract(epoch FROM clock.now - t.created_at) / 3600 AS age_hours,
           CASE tt.to_state
             WHEN 'waiting_for_dependencies' THEN
               COALESCE((nt.configuration->'lifecycle'->>'max_waiting_for_dependencies_minutes')::integer, 60)
             WHEN 'waiting_for_retry' THEN
               COALESCE((nt.configuration->'lifecycle'->>'max_waiting_for_retry_minutes')::integer, 30)
             ELSE COALESCE((nt.configuration->'lifecycle'->>'max_steps_in_process_minutes')::integer, 30)
           END AS limit_minutes
      FROM tasker.task_transitions tt
      JOIN tasker.tasks t USING (task_uuid)
      JOIN tasker.named_tasks nt USING (named_task_uuid)
      JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
     CROSS JOIN (SELECT COALESCE($1::timestamptz, now()) AT TIME ZONE 'UTC' AS now) clock
     WHERE tt.most_recent
       AND tt.to_state IN ('waiting_for_dependencies', 'waiting_for_retry', 'steps_in_process')
  ), stale AS (
    SELECT * FROM aged a
     WHERE (a.in_state_minutes >= a.limit_minutes OR a.age_hours >= 24)
       AND NOT EXISTS (SELECT FROM tasker.tasks_dlq d
                        WHERE d.task_uuid = a.task_uuid AND d.resolution_status = 'pending')
     ORDER BY a.in_state_minutes DESC LIMIT 100
  ), letters AS (
    INSERT INTO tasker.tasks_dlq (task_uuid, original_state, dlq_reason, task_snapshot, metadata)
    SELECT task_uuid, to_state, 'staleness_timeout',
           jsonb_build_object('task_uuid', task_uuid, 'namespace', namespace, 'task_name', task_name,
             'current_state', to_state, 'time_in_state_minutes', floor(in_state_minutes),
             'threshold_minutes', limit_minutes),
           jsonb_build_object('detection_method', 'automatic_staleness')
      FROM stale
  ), left_state AS (
    UPDATE tasker.task_transitions tt SET most_recent = false, updated_at = now()
      FROM stale WHERE tt.task_uuid = stale.task_uuid AND tt.most_recent
    RETURNING tt.task_uuid, tt.to_state, tt.sort_key)
  INSERT INTO tasker.task_transitions
    (task_uuid, to_state, from_state, metadata, sort_key, most_recent, created_at, updated_at)
  SELECT task_uuid, 'error', to_state, '{"reason": "staleness_timeout"}', sort_key + 1, true, now(), now()
    FROM left_state
  RETURNING task_uuid AS "taskUuid", from_state AS state`;
