import type { Connections } from './connections.ts';
import { enqueueReadySteps } from './enqueue.ts';
import { type Execution, executionOf } from './execution.ts';
import { loadReadiness } from './readiness.ts';
import { moveTask, taskState, tryMoveTask } from './task-state.ts';

/** The orchestrator could not go on with a task; whether its message comes back depends on the result. */
export class NotCoordinated extends Error {}

/**
 * What follows a step's result (worker protocol §4.4, §4.5). A task whose steps are still being enqueued, that waits, is
 * blocked or has ended, is left as it is: the result was accepted, and nothing is evaluated again (hazard 4).
 *
 * @throws NotCoordinated
 */
export async function coordinateTask(connections: Connections, taskUuid: string): Promise<void> {
  const state = await taskState(connections, taskUuid);
  switch (state) {
    case 'steps_in_process':
      await moveTask(connections, taskUuid, 'steps_in_process', 'evaluating_results');
      return evaluateTask(connections, taskUuid);
    case 'evaluating_results':
      return evaluateTask(connections, taskUuid);
    case 'pending':
    case 'initializing':
      throw new NotCoordinated(`task ${taskUuid} is still ${state}`);
    default:
  }
}

/**
 * Decides what a task in `evaluating_results` does next. While steps run it rests there, also when another one waits for
 * its retry: no poller reads that state.
 *
 * @throws NotCoordinated when the task has to wait; Tasker counts that as an error
 */
export async function evaluateTask(connections: Connections, taskUuid: string): Promise<void> {
  const { status } = await executionOfTask(connections, taskUuid);
  switch (status) {
    case 'processing':
      return;
    case 'all_complete':
      return moveTask(connections, taskUuid, 'evaluating_results', 'complete');
    case 'blocked_by_failures':
      return moveTask(connections, taskUuid, 'evaluating_results', 'blocked_by_failures');
    case 'has_ready_steps':
      await moveTask(connections, taskUuid, 'evaluating_results', 'enqueuing_steps');
      return enqueueReadySteps(connections, taskUuid);
    case 'waiting_for_dependencies':
      await moveTask(connections, taskUuid, 'evaluating_results', 'waiting_for_dependencies');
      throw new NotCoordinated(`no ready steps to enqueue for task ${taskUuid}`);
  }
}

/**
 * Begins a new task: enqueues the steps that can start. A task that somebody else begins at the same time is left to
 * them.
 */
export async function beginTask(connections: Connections, taskUuid: string): Promise<void> {
  const begun = await tryMoveTask(connections, taskUuid, 'pending', 'initializing');
  if (begun) await continueInitializing(connections, taskUuid);
}

export async function continueInitializing(connections: Connections, taskUuid: string): Promise<void> {
  const { readySteps } = await executionOfTask(connections, taskUuid);
  if (readySteps === 0) return moveTask(connections, taskUuid, 'initializing', 'complete');
  await moveTask(connections, taskUuid, 'initializing', 'enqueuing_steps');
  await enqueueReadySteps(connections, taskUuid);
}

/** What the steps of a task add up to now. */
export function executionOfTask({ withClient, nowMs }: Connections, taskUuid: string): Promise<Execution> {
  return withClient(async (client) => executionOf(await loadReadiness(client, nowMs(), [taskUuid])));
}
