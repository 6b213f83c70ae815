import type { TaskState } from '../schema/states.ts';
import type { Connections } from './connections.ts';
import { beginTask, evaluateTask, executionOfTask, NotCoordinated } from './coordinate.ts';
import { moveTask, taskState } from './task-state.ts';

/**
 * What a message in `orchestration_task_finalizations` asks for: evaluate a task whatever its state is, without touching
 * any step's backoff, branches or batches. Frees a task that rests in `evaluating_results`, and one whose last result
 * met hazard 4.
 *
 * @throws NotCoordinated; the message stays then
 */
export async function finalizeTask(connections: Connections, taskUuid: string): Promise<void> {
  const state = await taskState(connections, taskUuid);
  const { status, totalSteps } = await executionOfTask(connections, taskUuid);
  if (totalSteps === 0) throw new NotCoordinated(`there is no task ${taskUuid} with steps`);
  switch (status) {
    case 'processing':
      return;
    case 'all_complete':
      return complete(connections, taskUuid, state);
    case 'blocked_by_failures':
      return block(connections, taskUuid, state);
    default:
      return goOn(connections, taskUuid, state);
  }
}

async function complete(connections: Connections, taskUuid: string, state: TaskState): Promise<void> {
  if (state === 'complete') return;
  if (state === 'pending') throw new NotCoordinated(`task ${taskUuid} was not initialised`);
  if (state !== 'steps_in_process') return moveTask(connections, taskUuid, state, 'complete');
  await moveTask(connections, taskUuid, 'steps_in_process', 'evaluating_results');
  await moveTask(connections, taskUuid, 'evaluating_results', 'complete');
}

async function block(connections: Connections, taskUuid: string, state: TaskState): Promise<void> {
  if (state === 'error') return;
  const next = state === 'blocked_by_failures' ? 'error' : 'blocked_by_failures';
  await moveTask(connections, taskUuid, state, next);
}

async function goOn(connections: Connections, taskUuid: string, state: TaskState): Promise<void> {
  switch (state) {
    case 'pending':
      return beginTask(connections, taskUuid);
    case 'evaluating_results':
      return evaluateTask(connections, taskUuid);
    case 'blocked_by_failures':
      return block(connections, taskUuid, state);
    default:
      throw new NotCoordinated(`task ${taskUuid} is ${state} and has nothing to enqueue`);
  }
}
