/* What must be there before anything else runs. */

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
