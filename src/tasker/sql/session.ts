/* What a session must be like and what must exist before anything else runs. */

/** One row about the session and about the objects without which nothing works. */
export const PROBE = `
SELECT current_setting('TimeZone') AS time_zone,
       current_setting('search_path') AS search_path,
       current_schema() AS first_schema,
       to_regclass('tasker.workflow_steps') IS NOT NULL
         AND to_regclass('tasker.workflow_step_transitions') IS NOT NULL
         AND to_regclass('tasker.named_tasks') IS NOT NULL AS has_tasker,
       to_regclass('pgmq.meta') IS NOT NULL AS has_pgmq,
       to_regproc('tasker.pgmq_send_with_notify') IS NOT NULL AS has_send`;

/**
 * $1 queue names. Creates those that are missing.
 *
 * Safe to run anywhere and by several brokers at once: `pgmq.create` does nothing for a queue that exists. The check
 * before it lets a role work that may not create tables, once the queues are there.
 */
export const CREATE_QUEUES = `
SELECT pgmq.create(name) FROM unnest($1::text[]) AS name
 WHERE NOT EXISTS (SELECT FROM pgmq.meta WHERE queue_name = name)`;

/** $1 queue name. The namespace part of its NOTIFY channel, by the rule that the senders use. */
export const CHANNEL_NAMESPACE = `SELECT tasker.extract_queue_namespace($1::text) AS namespace`;
