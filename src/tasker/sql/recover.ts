/*
 * Finding what a crash left behind. A broker proves that it lives by a session advisory lock on its connection; the
 * server frees it when that connection ends, however it ends.
 */

/** The advisory lock of an instance, from the text form of its uuid. */
const lockKey = (uuid: string) => `hashtextextended('wasm_broker.instances:' || ${uuid}, 0)`;

/**
 * $1 worker uuid, $2 namespace, $3 host name, $4 process id.
 *
 * Repeated after every reconnect: a broker that was taken for dead meanwhile is known again.
 */
export const REGISTER_INSTANCE = `
INSERT INTO wasm_broker.instances (worker_uuid, namespace, hostname, pid, started_at)
VALUES ($1::uuid, $2::text, $3::text, $4::int, NOW())
ON CONFLICT (worker_uuid) DO UPDATE SET stopped_at = NULL`;

/**
 * $1 worker uuid. Waits while a recovery of this very instance is committing. Shared, because after a broken network
 * the server may still keep the session that had it before.
 */
export const LOCK_INSTANCE = `SELECT pg_advisory_lock_shared(${lockKey('$1::text')})`;

/** $1 namespace, $2 own worker uuid: the other instances, with whether their lock is held. Only reads. */
export const LIST_INSTANCES = `
SELECT i.worker_uuid, i.hostname, i.pid, i.stopped_at IS NOT NULL AS stopped,
       EXISTS (SELECT FROM pg_locks l
                WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND ((l.classid::bigint << 32) | l.objid::bigint) = ${lockKey('i.worker_uuid::text')}) AS alive
  FROM wasm_broker.instances i
 WHERE i.namespace = $1::text AND i.worker_uuid <> $2::uuid`;

/**
 * $1 worker uuid. True when the instance's lock was free; it is then ours until the transaction ends, so that neither
 * the instance itself can come back nor a second broker recover it at the same time.
 */
export const LOCK_DEAD_INSTANCE = `SELECT pg_try_advisory_xact_lock(${lockKey('$1::text')}) AS locked`;

/**
 * $1 worker uuid: steps that this instance had claimed and not completed, with the attempt it was on. Steps that wait for
 * a person are no orphans.
 */
export const STEPS_OF_INSTANCE = `
SELECT ws.workflow_step_uuid AS step_uuid, (tr.metadata->>'attempt')::int AS attempt
  FROM tasker.workflow_steps ws
  JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = ws.workflow_step_uuid AND tr.most_recent
   AND tr.to_state = 'in_progress' AND tr.metadata->>'worker_uuid' = $1::text
 WHERE ws.processed = false
   AND NOT EXISTS (
     SELECT FROM wasm_broker.waiting_steps w
      WHERE w.step_uuid = ws.workflow_step_uuid AND w.worker_uuid::text = $1::text
        AND w.attempt::text = tr.metadata->>'attempt')`;

/** $1 worker uuid. Says that this instance has ended by itself, so that nobody waits for it to come back. */
export const STOP_INSTANCE = `UPDATE wasm_broker.instances SET stopped_at = NOW() WHERE worker_uuid = $1::uuid`;

/**
 * $1 worker uuid. Forgets an instance, but only when no step carries its uuid that a sweep would still need it for.
 */
export const FORGET_INSTANCE = `
DELETE FROM wasm_broker.instances i
 WHERE i.worker_uuid = $1::uuid
   AND NOT EXISTS (
     SELECT FROM tasker.workflow_steps ws
       JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = ws.workflow_step_uuid AND tr.most_recent
        AND tr.to_state IN ('in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
        AND tr.metadata->>'worker_uuid' = i.worker_uuid::text
      WHERE ws.processed = false)`;

/**
 * $1 namespace, $2 age in milliseconds, $3 at most how many: steps that have been enqueued for longer than that
 * although no message announces them. They are claimed by id; the compare-and-swap needs no message.
 * `queueTable` comes from `queueTableOf`, which accepts only names that need no quoting.
 */
export const strandedSteps = (queueTable: string) => `
SELECT ws.workflow_step_uuid AS step_uuid
  FROM tasker.workflow_steps ws
  JOIN tasker.workflow_step_transitions tr ON tr.workflow_step_uuid = ws.workflow_step_uuid AND tr.most_recent
   AND tr.to_state = 'enqueued'
   AND tr.created_at < NOW() - $2::double precision * interval '1 millisecond'
  JOIN tasker.tasks t ON t.task_uuid = ws.task_uuid
  JOIN tasker.named_tasks nt ON nt.named_task_uuid = t.named_task_uuid
  JOIN tasker.task_namespaces tn ON tn.task_namespace_uuid = nt.task_namespace_uuid AND tn.name = $1::text
 WHERE ws.processed = false
   AND NOT EXISTS (SELECT FROM ${queueTable} q WHERE q.message->>'step_uuid' = ws.workflow_step_uuid::text)
 ORDER BY tr.created_at
 LIMIT $3::int`;
