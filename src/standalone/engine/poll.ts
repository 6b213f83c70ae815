import { messageOf } from '../../errors.ts';
import type { TaskState } from '../schema/states.ts';
import type { Connections } from './connections.ts';
import { beginTask, evaluateTask } from './coordinate.ts';
import { enqueueReadySteps } from './enqueue.ts';
import { executionOf } from './execution.ts';
import { loadReadiness } from './readiness.ts';
import { moveTask } from './task-state.ts';

/** Tasks looked at in one poll (worker protocol §12). */
const BATCH = 50;

/**
 * Tasker's poll for ready tasks: new ones, and waiting ones whose steps may start by now. A task that has waited longer
 * than its limit for dependencies (60 minutes) or a retry (30) is never picked up again, and no other state is read
 * (worker protocol §4.4).
 */
export async function pollReadyTasks(connections: Connections): Promise<void> {
  const { withClient, nowMs, emit } = connections;
  for (const { taskUuid, state } of await withClient((client) => findReadyTasks(client, nowMs()))) {
    try {
      await resume(connections, taskUuid, state);
    } catch (error) {
      emit({ type: 'fault', reason: messageOf(error) });
    }
  }
}

async function resume(connections: Connections, taskUuid: string, state: TaskState): Promise<void> {
  switch (state) {
    case 'pending':
      return beginTask(connections, taskUuid);
    case 'waiting_for_retry':
      await moveTask(connections, taskUuid, 'waiting_for_retry', 'enqueuing_steps');
      return enqueueReadySteps(connections, taskUuid);
    default:
      await moveTask(connections, taskUuid, 'waiting_for_dependencies', 'evaluating_results');
      return evaluateTask(connections, taskUuid);
  }
}

interface ReadyTask {
  readonly taskUuid: string;
  readonly state: TaskState;
}

async function findReadyTasks(
  client: Parameters<typeof loadReadiness>[0],
  nowMs: number | null,
): Promise<readonly ReadyTask[]> {
  const { rows } = await client.query<ReadyTask>(CANDIDATES, [
    nowMs === null ? null : new Date(nowMs).toISOString(),
    BATCH * 10,
  ]);
  const waiting = rows.filter(({ state }) => state !== 'pending').map(({ taskUuid }) => taskUuid);
  const steps = await loadReadiness(client, nowMs, waiting);
  const byTask = Map.groupBy(steps, (step) => step.taskUuid);
  const hasReadySteps = (taskUuid: string): boolean =>
    executionOf(byTask.get(taskUuid) ?? []).status === 'has_ready_steps';
  return rows.filter(({ taskUuid, state }) => state === 'pending' || hasReadySteps(taskUuid)).slice(0, BATCH);
}

const CANDIDATES = `
  SELECT t.task_uuid AS "taskUuid", tt.to_state AS state
    FROM tasker.task_transitions tt JOIN tasker.tasks t USING (task_uuid)
   CROSS JOIN LATERAL (
     SELECT COALESCE($1::timestamptz, now()) AT TIME ZONE 'UTC' - tt.created_at AS in_state) age
   WHERE tt.most_recent
     AND (tt.to_state = 'pending'
          OR tt.to_state = 'waiting_for_dependencies' AND age.in_state <= interval '60 minutes'
          OR tt.to_state = 'waiting_for_retry' AND age.in_state <= interval '30 minutes')
   ORDER BY t.priority DESC, t.created_at
   LIMIT $2`;
