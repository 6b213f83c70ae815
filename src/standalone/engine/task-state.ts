import { BrokerError } from '../../errors.ts';
import type { TaskState } from '../schema/states.ts';
import type { Connections } from './connections.ts';
import { transitionTask } from './transitions.ts';

export function taskState({ withClient }: Connections, taskUuid: string): Promise<TaskState> {
  return withClient(async (client) => {
    const { rows } = await client.query<{ state: TaskState }>(
      'SELECT to_state AS state FROM tasker.task_transitions WHERE task_uuid = $1 AND most_recent',
      [taskUuid],
    );
    return rows[0]?.state ?? 'pending';
  });
}

/**
 * One transition of a task, committed by itself, as Tasker does it: a crash leaves the task in any of its states.
 *
 * @throws BrokerError ERR_INTERNAL when the task is in another state by now
 */
export async function moveTask(
  connections: Connections,
  taskUuid: string,
  from: TaskState,
  to: TaskState,
): Promise<void> {
  if (await tryMoveTask(connections, taskUuid, from, to)) return;
  throw new BrokerError('ERR_INTERNAL', `task ${taskUuid} is no longer ${from}; it cannot become ${to}`);
}

/** `moveTask`; false when the task is in another state by now. */
export function tryMoveTask(
  { inWave }: Connections,
  taskUuid: string,
  from: TaskState,
  to: TaskState,
): Promise<boolean> {
  return inWave(async ({ client, events }) => {
    if (!(await transitionTask(client, taskUuid, from, to))) return false;
    if (to === 'complete') {
      await client.query('UPDATE tasker.tasks SET complete = true, updated_at = now() WHERE task_uuid = $1', [
        taskUuid,
      ]);
    }
    events.push({ type: 'task_state', taskUuid, state: to });
    return true;
  });
}
