/*
 * Waking tasks that nobody looks at. A result message makes the orchestrator re-evaluate the step's task, also when the
 * step itself has nothing to report any more (docs/tasker.md). Steps whose outcome would be processed a second time
 * (decisions, batches) are never used for that, and failed ones only for want of another: their backoff starts anew.
 */

const RESULTS = 'orchestration_step_results';
/** Evaluates the task that a message names. Read by the orchestrator's slow poll only, and so sent without NOTIFY. */
const EVALUATIONS = 'orchestration_task_finalizations';

const NO_MESSAGE_YET = [RESULTS, EVALUATIONS]
  .map(
    (queue) => `NOT EXISTS (SELECT FROM pgmq.q_${queue} q WHERE q.message->>'task_uuid' = t.task_uuid::text)`,
  )
  .join(' AND ');
const TASK = `tasker.tasks t
  JOIN tasker.named_tasks nt ON nt.named_task_uuid = t.named_task_uuid
  JOIN tasker.task_namespaces tn ON tn.task_namespace_uuid = nt.task_namespace_uuid AND tn.name = $1::text
  JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent`;

/** A plain step of task `t` that a broker of this project completed: only ours note the attempt. */
const COMPLETED_STEP = `
    SELECT ws.workflow_step_uuid
      FROM tasker.workflow_steps ws
      JOIN tasker.named_steps ns ON ns.named_step_uuid = ws.named_step_uuid
      JOIN tasker.workflow_step_transitions done ON done.workflow_step_uuid = ws.workflow_step_uuid
       AND done.to_state = 'enqueued_for_orchestration' AND done.metadata ? 'attempt'
     WHERE ws.task_uuid = t.task_uuid AND ws.processed
       AND NOT EXISTS (
         SELECT FROM jsonb_path_query(nt.configuration, '$.steps[*] ? (@.type == "decision" || @.type == "batchable")') s
          WHERE s->>'name' = ns.name)
     LIMIT 1`;

const resultOf = (step: string) => `tasker.pgmq_send_with_notify('${RESULTS}', jsonb_build_object(
           'task_uuid', t.task_uuid, 'step_uuid', ${step}.workflow_step_uuid, 'correlation_id', t.correlation_id))`;

/**
 * $1 namespace. Tasks that rest in a state which no poller reads although the retry of one of their steps is due: a
 * sibling that runs or waits holds them there.
 *
 * The message of the failed step would start its backoff anew each time. So a completed sibling's is sent, or the task
 * is put up for evaluation, which works in `evaluating_results` only; the failed step's message is the way to get there.
 */
export const NUDGE_DUE_RETRIES = `
SELECT t.task_uuid,
       CASE WHEN completed.workflow_step_uuid IS NOT NULL THEN ${resultOf('completed')}
            WHEN tt.to_state = 'evaluating_results'
            THEN (SELECT * FROM pgmq.send('${EVALUATIONS}', jsonb_build_object('task_uuid', t.task_uuid)))
            ELSE ${resultOf('failed')} END AS msg_id
  FROM ${TASK} AND tt.to_state IN ('steps_in_process', 'evaluating_results')
  JOIN LATERAL (
    SELECT ws.workflow_step_uuid
      FROM tasker.workflow_steps ws
      JOIN tasker.workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
       AND st.to_state = 'waiting_for_retry'
     WHERE ws.task_uuid = t.task_uuid AND ws.results IS NOT NULL AND NOT ws.in_process AND ws.retryable
       AND COALESCE(ws.attempts, 0) < COALESCE(ws.max_attempts, 3)
       AND COALESCE(ws.last_attempted_at + make_interval(secs => ws.backoff_request_seconds), NOW()) <= NOW()
     LIMIT 1) failed ON true
  LEFT JOIN LATERAL (${COMPLETED_STEP}) completed ON true
 WHERE ${NO_MESSAGE_YET}`;

/**
 * $1 namespace, $2 age in milliseconds. Tasks that have been in process for longer than that although none of their steps
 * is on its way: the result of the last one was processed while the task was still being enqueued (hazard 4).
 */
export const NUDGE_STALLED_TASKS = `
SELECT t.task_uuid, ${resultOf('completed')} AS msg_id
  FROM ${TASK} AND tt.to_state = 'steps_in_process'
   AND tt.created_at < NOW() - $2::double precision * interval '1 millisecond'
  JOIN LATERAL (${COMPLETED_STEP}) completed ON true
 WHERE NOT EXISTS (
         SELECT FROM tasker.workflow_steps ws
           JOIN tasker.workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
            AND st.to_state IN ('enqueued', 'in_progress', 'enqueued_for_orchestration',
                                'enqueued_as_error_for_orchestration')
          WHERE ws.task_uuid = t.task_uuid)
   AND ${NO_MESSAGE_YET}`;
