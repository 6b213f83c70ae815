import type pg from 'pg';

export const RESULT_QUEUE = 'orchestration_step_results';
/** What `pgmq_send_with_notify` notifies for every queue whose name begins with `orchestration`. */
export const RESULT_CHANNEL = 'pgmq_message_ready.orchestration';

/** Longer than a wave takes; a wave that fails gives its message back at once, with its transaction. */
const VISIBILITY_SECONDS = 30;
const DEFER_SECONDS = 30;
/** After so many deliveries a message that cannot be processed is archived. */
const MAX_DELIVERIES = 5;

export interface QueuedResult {
  /** A bigint: digits. */
  readonly messageId: string;
  readonly message: unknown;
}

/** Takes the next message within the caller's transaction. */
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

/**
 * Puts a message that could not be processed behind the others, or archives it when that did not help.
 *
 * @returns whether it was archived
 */
export async function deferResult(client: pg.ClientBase, messageId: string): Promise<boolean> {
  const { rows } = await client.query<{ deliveries: number }>(
    `SELECT read_ct AS deliveries
       FROM tasker.pgmq_read_specific_message('${RESULT_QUEUE}', $1::bigint, ${DEFER_SECONDS})`,
    [messageId],
  );
  if ((rows[0]?.deliveries ?? 0) < MAX_DELIVERIES) return false;
  await archiveResult(client, messageId);
  return true;
}
