/*
 * Waking tasks that nobody looks at. A result message makes the orchestrator re-evaluate the step's task, also when the
 * step itself has nothing to report any more (worker protocol §4.5). Steps whose outcome would be processed a second
 * time (decisions, batches) are never used for that once they are complete.
 */

const MESSAGE = `jsonb_build_object('task_uuid', t.task_uuid, 'step_uuid', step.workflow_step_uuid,
                                    'correlation_id', t.correlation_id)`;
const NO_MESSAGE_YET = `NOT EXISTS (SELECT FROM pgmq.q_orchestration_step_results q
                                     WHERE q.message->>'task_uuid' = t.task_uuid::text)`;
const TASK = `tasker.tasks t
  JOIN tasker.named_tasks nt ON nt.named_task_uuid = t.named_task_uuid
  JOIN tasker.task_namespaces tn ON tn.task_namespace_uuid = nt.task_namespace_uuid AND tn.name = $1::text
  JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent`;

/**
 * $1 namespace. Tasks that rest in a state which no poller reads although the retry of one of their steps is due: a
 * sibling that runs or waits holds them there. The message is that of the failed step itself.
 */
export const NUDGE_DUE_RETRIES = `
SELECT t.task_uuid, tasker.pgmq_send_with_notify('orchestration_step_results', ${MESSAGE}) AS msg_id
  FROM ${TASK} AND tt.to_state IN ('steps_in_process', 'evaluating_results')
  JOIN LATERAL (
    SELECT ws.workflow_step_uuid
      FROM tasker.workflow_steps ws
      JOIN tasker.workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
       AND st.to_state = 'waiting_for_retry'
     WHERE ws.task_uuid = t.task_uuid AND ws.results IS NOT NULL AND NOT ws.in_process AND ws.retryable
       AND COALESCE(ws.attempts, 0) < COALESCE(ws.max_attempts, 3)
       AND COALESCE(ws.last_attempted_at + make_interval(secs => ws.backoff_request_seconds), NOW()) <= NOW()
     LIMIT 1) step ON true
 WHERE ${NO_MESSAGE_YET}`;

/**
 * $1 namespace, $2 age in milliseconds. Tasks that have been in process for longer than that although none of their steps
 * is on its way: the result of the last one was processed while the task was still being enqueued (hazard 4). The
 * message is that of a plain step that a broker of this project completed: only ours note the attempt.
 */
export const NUDGE_STALLED_TASKS = `
SELECT t.task_uuid, tasker.pgmq_send_with_notify('orchestration_step_results', ${MESSAGE}) AS msg_id
  FROM ${TASK} AND tt.to_state = 'steps_in_process'
   AND tt.created_at < NOW() - $2::double precision * interval '1 millisecond'
  JOIN LATERAL (
    SELECT ws.workflow_step_uuid
      FROM tasker.workflow_steps ws
      JOIN tasker.named_steps ns ON ns.named_step_uuid = ws.named_step_uuid
      JOIN tasker.workflow_step_transitions done ON done.workflow_step_uuid = ws.workflow_step_uuid
       AND done.to_state = 'enqueued_for_orchestration' AND done.metadata ? 'attempt'
     WHERE ws.task_uuid = t.task_uuid AND ws.processed
       AND NOT EXISTS (
         SELECT FROM jsonb_path_query(nt.configuration, '$.steps[*] ? (@.type == "decision" || @.type == "batchable")') s
          WHERE s->>'name' = ns.name)
     LIMIT 1) step ON true
 WHERE NOT EXISTS (
         SELECT FROM tasker.workflow_steps ws
           JOIN tasker.workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
            AND st.to_state IN ('enqueued', 'in_progress', 'enqueued_for_orchestration',
                                'enqueued_as_error_for_orchestration')
          WHERE ws.task_uuid = t.task_uuid)
   AND ${NO_MESSAGE_YET}`;
