import type pg from 'pg';

export const RESULT_QUEUE = 'orchestration_step_results';
/** What `pgmq_send_with_notify` notifies for every queue whose name begins with `orchestration`. */
export const RESULT_CHANNEL = 'pgmq_message_ready.orchestration';

/** Tasker's: a message that could not be processed comes again after this time, for ever (worker protocol §1.5). */
const VISIBILITY_SECONDS = 30;

export interface QueuedResult {
  /** A bigint: digits. */
  readonly messageId: string;
  readonly message: unknown;
}

/** Takes the next message; it stays in the queue, hidden for the visibility timeout. */
export async function takeResult(client: pg.ClientBase): Promise<QueuedResult | null> {
  const { rows } = await client.query<QueuedResult>(
    `SELECT msg_id AS "messageId", message FROM pgmq.read('${RESULT_QUEUE}', ${VISIBILITY_SECONDS}, 1)`,
  );
  return rows[0] ?? null;
}

/** Marks a message as done. */
export async function archiveResult(client: pg.ClientBase, messageId: string): Promise<void> {
  await client.query(`SELECT pgmq.archive('${RESULT_QUEUE}', $1::bigint)`, [messageId]);
}

/** Makes every message visible at once. */
export async function showResults(client: pg.ClientBase): Promise<void> {
  await client.query(
    `SELECT pgmq.set_vt('${RESULT_QUEUE}', msg_id, 0) FROM pgmq.q_${RESULT_QUEUE} WHERE vt > clock_timestamp()`,
  );
}
