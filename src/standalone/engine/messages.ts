import type pg from 'pg';

/** The queues that the engine reads; `orchestration_task_requests` it does not, as hazard 15 makes it useless. */
export const QUEUES = ['orchestration_step_results', 'orchestration_task_finalizations'] as const;
export type QueueName = (typeof QUEUES)[number];

/** What `pgmq_send_with_notify` notifies for every queue whose name begins with `orchestration`. */
export const RESULT_CHANNEL = 'pgmq_message_ready.orchestration';

/** Tasker's: a message that could not be processed comes again after this time, for ever (worker protocol §1.5). */
const VISIBILITY_SECONDS = 30;

export interface QueuedMessage {
  /** A bigint: digits. */
  readonly messageId: string;
  readonly message: unknown;
}

/** Takes the next message; it stays in the queue, hidden for the visibility timeout. */
export async function takeMessage(client: pg.ClientBase, queue: QueueName): Promise<QueuedMessage | null> {
  const { rows } = await client.query<QueuedMessage>(
    `SELECT msg_id AS "messageId", message FROM pgmq.read($1, ${VISIBILITY_SECONDS}, 1)`,
    [queue],
  );
  return rows[0] ?? null;
}

/** Marks a message as done. */
export async function archiveMessage(
  client: pg.ClientBase,
  queue: QueueName,
  messageId: string,
): Promise<void> {
  await client.query('SELECT pgmq.archive($1, $2::bigint)', [queue, messageId]);
}

/** Makes every message visible at once. */
export async function showMessages(client: pg.ClientBase): Promise<void> {
  for (const queue of QUEUES) {
    await client.query(
      `SELECT pgmq.set_vt('${queue}', msg_id, 0) FROM pgmq.q_${queue} WHERE vt > clock_timestamp()`,
    );
  }
}
