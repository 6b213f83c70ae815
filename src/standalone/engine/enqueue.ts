import { messageOf } from '../../errors.ts';
import type { Connections } from './connections.ts';
import { loadReadiness, type StepReadiness } from './readiness.ts';
import { moveTask } from './task-state.ts';
import { transitionStep } from './transitions.ts';

/**
 * Hands a task's ready steps to the worker, one by one, and moves the task from `enqueuing_steps` to `steps_in_process`.
 * State `enqueued` is committed before the message is sent; without the queue, or after a crash in between, the step
 * stays `enqueued` and has no message (hazard 5).
 */
export async function enqueueReadySteps(connections: Connections, taskUuid: string): Promise<void> {
  const { withClient, nowMs, emit } = connections;
  const steps = await withClient((client) => loadReadiness(client, nowMs(), [taskUuid]));
  for (const step of steps.filter(({ ready }) => ready)) {
    try {
      await enqueueStep(connections, step);
    } catch (error) {
      emit({ type: 'enqueue_failed', taskUuid, stepUuid: step.stepUuid, reason: messageOf(error) });
    }
  }
  await moveTask(connections, taskUuid, 'enqueuing_steps', 'steps_in_process');
}

async function enqueueStep({ inWave, withClient }: Connections, step: StepReadiness): Promise<void> {
  const { stepUuid, taskUuid, name, state } = step;
  if (state === 'waiting_for_retry') {
    await inWave(({ client }) => transitionStep(client, stepUuid, 'waiting_for_retry', 'pending'));
  }
  await inWave(async ({ client, events }) => {
    await transitionStep(client, stepUuid, 'pending', 'enqueued');
    events.push({ type: 'step_enqueued', taskUuid, stepUuid, name });
  });
  await withClient((client) => client.query(SEND, [taskUuid, stepUuid]));
}

const SEND = `
  SELECT tasker.pgmq_send_with_notify('worker_' || tn.name || '_queue',
           jsonb_build_object('task_uuid', t.task_uuid, 'step_uuid', $2::uuid, 'correlation_id', t.correlation_id))
    FROM tasker.tasks t
    JOIN tasker.named_tasks nt USING (named_task_uuid)
    JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
   WHERE t.task_uuid = $1`;
