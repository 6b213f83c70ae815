import type { Connections } from './connections.ts';
import { timestampOf, type Wave } from './context.ts';

/** How long what is finished stays. Tasker itself keeps everything. */
export interface Retention {
  /** Since a task ended: complete, error, cancelled, resolved by hand or blocked by failures. */
  readonly finishedTasksMs: number;
  /** Since a message was archived, in any queue. */
  readonly archivedMessagesMs: number;
}

const DAY_MS = 86_400_000;
export const DEFAULT_RETENTION: Retention = { finishedTasksMs: 30 * DAY_MS, archivedMessagesMs: 7 * DAY_MS };

/** Tasks deleted in one transaction. */
const BATCH = 200;

/** Deletes what is older than the retention allows, until nothing is. */
export async function prune({ inWave }: Connections, retention: Retention): Promise<void> {
  let tasks: number;
  do {
    tasks = await inWave(async (wave) => {
      const deleted = await deleteTasks(wave, retention.finishedTasksMs);
      if (deleted > 0) wave.events.push({ type: 'pruned', tasks: deleted, messages: 0 });
      return deleted;
    });
  } while (tasks === BATCH);
  await inWave(async (wave) => {
    const messages = await deleteMessages(wave, retention.archivedMessagesMs);
    if (messages > 0) wave.events.push({ type: 'pruned', tasks: 0, messages });
  });
}

async function deleteTasks(wave: Wave, olderThanMs: number): Promise<number> {
  const { client } = wave;
  const { rows } = await client.query<{ uuid: string }>(
    `SELECT tt.task_uuid AS uuid FROM tasker.task_transitions tt
      WHERE tt.most_recent
        AND tt.to_state IN ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures')
        AND tt.created_at < COALESCE($1::timestamptz, now()) AT TIME ZONE 'UTC' - $2 * interval '1 millisecond'
        AND NOT EXISTS (SELECT FROM tasker.workflow_steps ws JOIN tasker.workflow_step_transitions st
                          ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
                         WHERE ws.task_uuid = tt.task_uuid AND st.to_state = 'in_progress')
      LIMIT ${BATCH}`,
    [timestampOf(wave), olderThanMs],
  );
  const uuids = rows.map(({ uuid }) => uuid);
  if (uuids.length === 0) return 0;
  const steps = 'SELECT workflow_step_uuid FROM tasker.workflow_steps WHERE task_uuid = ANY ($1)';
  for (const statement of [
    'DELETE FROM tasker.workflow_step_result_audit WHERE task_uuid = ANY ($1)',
    `DELETE FROM tasker.workflow_step_transitions WHERE workflow_step_uuid IN (${steps})`,
    `DELETE FROM tasker.workflow_step_edges WHERE to_step_uuid IN (${steps})`,
    'DELETE FROM tasker.workflow_steps WHERE task_uuid = ANY ($1)',
    'DELETE FROM tasker.task_transitions WHERE task_uuid = ANY ($1)',
    'DELETE FROM tasker.tasks_dlq WHERE task_uuid = ANY ($1)',
    'DELETE FROM tasker.tasks WHERE task_uuid = ANY ($1)',
  ]) {
    await client.query(statement, [uuids]);
  }
  return uuids.length;
}

async function deleteMessages(wave: Wave, olderThanMs: number): Promise<number> {
  const { client } = wave;
  const { rows } = await client.query<{ archive: string }>(
    `SELECT format('pgmq.%I', 'a_' || lower(queue_name)) AS archive FROM pgmq.meta
      WHERE to_regclass(format('pgmq.%I', 'a_' || lower(queue_name))) IS NOT NULL`,
  );
  let deleted = 0;
  for (const { archive } of rows) {
    const { rowCount } = await client.query(
      `DELETE FROM ${archive} WHERE archived_at < COALESCE($1::timestamptz, now()) - $2 * interval '1 millisecond'`,
      [timestampOf(wave), olderThanMs],
    );
    deleted += rowCount ?? 0;
  }
  return deleted;
}
