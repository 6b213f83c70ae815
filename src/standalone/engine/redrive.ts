import type { TaskState } from '../schema/states.ts';
import type { Connections } from './connections.ts';
import { continueInitializing } from './coordinate.ts';
import { enqueueReadySteps } from './enqueue.ts';
import { showMessages } from './messages.ts';

/**
 * What Tasker does not do: continues what an engine that was killed had begun. Tasks that it left in the middle of
 * enqueuing go on, and the messages that it had taken are visible at once. Only for an engine that is the only
 * one on its database: it cannot tell a dead engine's task from a living one's.
 */
export async function redrive(connections: Connections): Promise<void> {
  const { withClient } = connections;
  await withClient(showMessages);
  const { rows } = await withClient((client) =>
    client.query<{ taskUuid: string; state: TaskState }>(
      `SELECT task_uuid AS "taskUuid", to_state AS state FROM tasker.task_transitions
        WHERE most_recent AND to_state IN ('initializing', 'enqueuing_steps')`,
    ),
  );
  for (const { taskUuid, state } of rows) {
    if (state === 'initializing') await continueInitializing(connections, taskUuid);
    else await enqueueReadySteps(connections, taskUuid);
  }
}
