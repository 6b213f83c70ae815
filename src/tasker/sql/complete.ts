/*
 * Handing results over. A result is durable in the step's row; the message only tells the orchestrator to look.
 */

/** Task states in which a result would be accepted but nothing would go on from it (docs/tasker.md, hazard 4). */
const BEING_ENQUEUED = `('pending', 'initializing', 'enqueuing_steps')`;

/** The three ids that are the whole message, from aliases `ws` and `t`. */
const RESULT_MESSAGE = `jsonb_build_object(
  'task_uuid', t.task_uuid, 'step_uuid', ws.workflow_step_uuid, 'correlation_id', t.correlation_id)`;

/**
 * Pairwise: $1 steps, $2 worker uuids, $3 attempts, $4 new states, $5 event texts, $6 result texts, $7 whether the attempt
 * does not count. One row per step that was completed; a step without a row was not the worker's any more.
 * `message_sent` false: the task is still being enqueued, send later.
 *
 * Safe because a transition is replaced only while it is the very one that this worker's claim of this attempt wrote,
 * and because state, result and message commit together: there is no moment in which one exists without the others,
 * except for the message that is held back, which the sweep of `RESEND_STRANDED_RESULTS` finds after a crash.
 *
 * Messages are sent in one batch and announced one by one, as Tasker's own sender announces a single one: of its batch
 * announcement the orchestrator keeps only the first id.
 */
export const COMPLETE_STEPS = `
WITH given AS (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[])
    AS g(step_uuid, worker_uuid, attempt, to_state, event, result, uncounted)
), cas AS (
  UPDATE tasker.workflow_step_transitions tr
     SET most_recent = false, updated_at = NOW()
    FROM given g
   WHERE tr.workflow_step_uuid = g.step_uuid AND tr.most_recent AND tr.to_state = 'in_progress'
     AND tr.metadata->>'worker_uuid' = g.worker_uuid AND tr.metadata->>'attempt' = g.attempt
  RETURNING g.*, tr.sort_key
), ws AS (
  UPDATE tasker.workflow_steps s
     SET in_process = false, results = cas.result::jsonb, updated_at = NOW(),
         attempts = CASE WHEN cas.uncounted THEN GREATEST(s.attempts - 1, 0) ELSE s.attempts END
    FROM cas
   WHERE s.workflow_step_uuid = cas.step_uuid
  RETURNING s.workflow_step_uuid, s.task_uuid
), done AS (
  SELECT cas.*, t.task_uuid, t.correlation_id, ${RESULT_MESSAGE} AS message,
         COALESCE(tt.to_state, '') NOT IN ${BEING_ENQUEUED} AS message_sent
    FROM cas
    JOIN ws ON ws.workflow_step_uuid = cas.step_uuid
    JOIN tasker.tasks t ON t.task_uuid = ws.task_uuid
    LEFT JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent
), ins AS (
  INSERT INTO tasker.workflow_step_transitions
    (workflow_step_uuid, to_state, from_state, metadata, sort_key, most_recent, created_at, updated_at)
  SELECT step_uuid, to_state, 'in_progress',
         jsonb_build_object(
           'event', event,
           'timestamp', to_char(NOW() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'worker_uuid', worker_uuid,
           'correlation_id', correlation_id,
           'attempt', attempt::int),
         sort_key + 1, true, NOW(), NOW()
    FROM done
), batch AS MATERIALIZED (
  -- No row when there is nothing to send: pgmq refuses an empty batch.
  SELECT array_agg(message) AS messages FROM done WHERE message_sent HAVING count(*) > 0
), announced AS MATERIALIZED (
  SELECT pg_notify('pgmq_message_ready.orchestration', jsonb_build_object(
           'event_type', 'message_with_payload', 'msg_id', sent.msg_id, 'queue_name', 'orchestration_step_results',
           'namespace', 'orchestration', 'message', sent.message, 'ready_at', NOW(), 'delay_seconds', 0)::text) AS told
    FROM batch, ROWS FROM (pgmq.send_batch('orchestration_step_results'::text, batch.messages),
                           unnest(batch.messages)) AS sent(msg_id, message)
)
SELECT step_uuid, message_sent, (SELECT count(told) FROM announced) AS announced FROM done`;

/**
 * $1 step, $2 worker uuid, $3 attempt: did this worker complete this attempt?
 *
 * Asked when a completion was repeated because its answer was lost: then finding nothing to complete may mean that
 * the first try had committed.
 */
export const COMPLETED_BY_WORKER = `
SELECT EXISTS (
  SELECT FROM tasker.workflow_step_transitions
   WHERE workflow_step_uuid = $1::uuid
     AND to_state IN ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
     AND metadata->>'worker_uuid' = $2::text AND metadata->>'attempt' = $3::text) AS completed`;

/**
 * $1 steps whose message is held back, $2 whether each has waited long enough to be sent in any case.
 * Returns those that have to wait on.
 *
 * Safe to repeat: a step that the orchestrator has meanwhile processed is in another state and gets no message.
 */
export const RELEASE_HELD_RESULTS = `
SELECT ws.workflow_step_uuid AS step_uuid,
       CASE WHEN h.overdue OR COALESCE(tt.to_state, '') NOT IN ${BEING_ENQUEUED}
            THEN tasker.pgmq_send_with_notify('orchestration_step_results', ${RESULT_MESSAGE})
       END IS NULL AS waiting
  FROM unnest($1::uuid[], $2::boolean[]) AS h(step_uuid, overdue)
  JOIN tasker.workflow_steps ws ON ws.workflow_step_uuid = h.step_uuid
  JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = h.step_uuid AND tr.most_recent
   AND tr.to_state IN ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
  JOIN tasker.tasks t ON t.task_uuid = ws.task_uuid
  LEFT JOIN tasker.task_transitions tt ON tt.task_uuid = ws.task_uuid AND tt.most_recent`;

/**
 * $1 namespace, $2 age in milliseconds. Sends the message of results that have been waiting for the orchestrator for
 * longer than that and have none in its queue.
 *
 * Safe because a message is in the queue's table until the orchestrator has archived it, which it does after moving
 * the step on; and because only results written by a broker of this project qualify.
 */
export const RESEND_STRANDED_RESULTS = `
SELECT ws.workflow_step_uuid AS step_uuid,
       tasker.pgmq_send_with_notify('orchestration_step_results', ${RESULT_MESSAGE}) AS msg_id
  FROM tasker.workflow_steps ws
  JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = ws.workflow_step_uuid AND tr.most_recent
   AND tr.to_state IN ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
   AND tr.created_at < NOW() - $2::double precision * interval '1 millisecond'
  JOIN wasm_broker.instances i ON i.worker_uuid::text = tr.metadata->>'worker_uuid'
  JOIN tasker.tasks t ON t.task_uuid = ws.task_uuid
  JOIN tasker.named_tasks nt ON nt.named_task_uuid = t.named_task_uuid
  JOIN tasker.task_namespaces tn ON tn.task_namespace_uuid = nt.task_namespace_uuid AND tn.name = $1::text
 WHERE ws.processed = false
   AND NOT EXISTS (SELECT FROM pgmq.q_orchestration_step_results q
                    WHERE q.message->>'step_uuid' = ws.workflow_step_uuid::text)`;
