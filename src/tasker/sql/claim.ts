/*
 * Taking steps over. A step's state is the `to_state` of its one transition row with `most_recent`; the partial unique
 * index on that flag is Tasker's own guarantee that there is one. Every statement here moves a step only out of the
 * state it has just seen and locked.
 */

/**
 * $1 queue, $2 visibility timeout in seconds, $3 how many.
 *
 * Safe because reading claims nothing: a message that is read and then forgotten becomes visible again.
 */
export const READ_MESSAGES = `
SELECT msg_id, message FROM pgmq.read($1::text, $2::int, $3::int)`;

/**
 * $1 queue, $2 message ids. Archiving an id that is gone does nothing.
 */
export const ARCHIVE_MESSAGES = `
SELECT pgmq.archive($1::text, $2::bigint[])`;

/**
 * $1 step ids, $2 message ids (null for a step found without a message), $3 worker uuid, $4 queue.
 * Returns the steps that are now ours, with the attempt that begins.
 *
 * Safe because the current transition of each step is locked before it is compared and stays locked until commit: of
 * any number of claimers one sees `enqueued`. Rows that somebody else holds are skipped, so that claimers never wait
 * for each other and cannot deadlock. State, attempt, ownership (`worker_uuid`, `attempt`) and the archived messages
 * commit together: after a crash a step is either still enqueued with its message, or in progress and ours to recover.
 */
export const CLAIM_STEPS = `
WITH delivery AS (
  SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS d(step_uuid, msg_id)
), enqueued AS (
  SELECT workflow_step_transition_uuid
    FROM tasker.workflow_step_transitions
   WHERE workflow_step_uuid = ANY ($1::uuid[]) AND most_recent AND to_state = 'enqueued'
     FOR UPDATE SKIP LOCKED
), cas AS (
  UPDATE tasker.workflow_step_transitions tr
     SET most_recent = false, updated_at = NOW()
    FROM enqueued e
   WHERE tr.workflow_step_transition_uuid = e.workflow_step_transition_uuid
     AND tr.most_recent AND tr.to_state = 'enqueued'
  RETURNING tr.workflow_step_uuid, tr.sort_key
), step AS (
  UPDATE tasker.workflow_steps ws
     SET in_process = true, attempts = COALESCE(ws.attempts, 0) + 1, last_attempted_at = NOW(), updated_at = NOW()
    FROM cas, tasker.tasks t
   WHERE ws.workflow_step_uuid = cas.workflow_step_uuid AND t.task_uuid = ws.task_uuid
  RETURNING ws.workflow_step_uuid, ws.attempts, t.correlation_id, cas.sort_key
), ins AS (
  INSERT INTO tasker.workflow_step_transitions
    (workflow_step_uuid, to_state, from_state, metadata, sort_key, most_recent, created_at, updated_at)
  SELECT workflow_step_uuid, 'in_progress', 'enqueued',
         jsonb_build_object(
           'event', '{"type":"Start"}',
           'timestamp', to_char(NOW() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'worker_uuid', $3::text,
           'correlation_id', correlation_id,
           'attempt', attempts),
         sort_key + 1, true, NOW(), NOW()
    FROM step
)
SELECT workflow_step_uuid AS step_uuid,
       (SELECT count(*) FROM pgmq.archive($4::text, ARRAY(
          SELECT d.msg_id FROM delivery d JOIN step s ON s.workflow_step_uuid = d.step_uuid
           WHERE d.msg_id IS NOT NULL))) AS archived
  FROM step`;

/**
 * $1 queue, $2 step ids, $3 message ids: deliveries that did not lead to a claim.
 *
 * Safe because a message is dropped only when its step has moved past being claimable or does not exist; whoever
 * enqueues the step again sends a new one. A step still `pending` or `enqueued` keeps its message.
 */
export const ARCHIVE_STALE_MESSAGES = `
SELECT pgmq.archive($1::text, ARRAY(
  SELECT d.msg_id
    FROM unnest($2::uuid[], $3::bigint[]) AS d(step_uuid, msg_id)
    LEFT JOIN tasker.workflow_steps ws ON ws.workflow_step_uuid = d.step_uuid
    LEFT JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = d.step_uuid AND tr.most_recent
   WHERE ws.workflow_step_uuid IS NULL OR COALESCE(tr.to_state, 'pending') NOT IN ('pending', 'enqueued')))`;

/**
 * $1 step ids, $2 worker uuid: which of these steps are in progress and claimed by this worker.
 *
 * Settles what became of a claim whose answer was lost with its connection.
 */
export const CLAIMS_OF_WORKER = `
SELECT workflow_step_uuid AS step_uuid
  FROM tasker.workflow_step_transitions
 WHERE workflow_step_uuid = ANY ($1::uuid[]) AND most_recent
   AND to_state = 'in_progress' AND metadata->>'worker_uuid' = $2::text`;
