/** Entries of a checkpoint's history that are kept; Tasker itself keeps all of them, in a row that is read with every claim. */
const HISTORY_MAX = 100;

/**
 * $1 step, $2 worker uuid, $3 attempt, $4 checkpoint. One row when it was stored; none when the step was not the worker's
 * any more. The shape is Tasker's: cursor, items_processed, accumulated_results, timestamp and history.
 */
export const STORE_CHECKPOINT = `
UPDATE tasker.workflow_steps ws
   SET updated_at = NOW(),
       checkpoint = $4::jsonb || jsonb_build_object(
         'timestamp', now_text,
         'history', jsonb_path_query_array(
           CASE WHEN jsonb_typeof(ws.checkpoint->'history') = 'array' THEN ws.checkpoint->'history' ELSE '[]' END
             || jsonb_build_object('cursor', $4::jsonb->'cursor', 'timestamp', now_text),
           '$[last - ${HISTORY_MAX - 1} to last]'))
  FROM tasker.workflow_step_transitions tr,
       to_char(NOW() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now_text
 WHERE ws.workflow_step_uuid = $1::uuid
   AND tr.workflow_step_uuid = ws.workflow_step_uuid AND tr.most_recent AND tr.to_state = 'in_progress'
   AND tr.metadata->>'worker_uuid' = $2::text AND tr.metadata->>'attempt' = $3::text
RETURNING ws.workflow_step_uuid`;
