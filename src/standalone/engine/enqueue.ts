import type { StepState } from '../schema/states.ts';
import type { Wave } from './context.ts';
import { transitionStep } from './transitions.ts';

export interface ReadyStep {
  readonly stepUuid: string;
  readonly name: string;
  readonly state: StepState;
}

/**
 * Hands steps to the worker: state `enqueued`, and the message with its NOTIFY in the same transaction, so that neither
 * exists without the other.
 */
export async function enqueueSteps(wave: Wave, taskUuid: string, steps: readonly ReadyStep[]): Promise<void> {
  const { client, events } = wave;
  for (const { stepUuid, name, state } of steps) {
    if (state === 'waiting_for_retry') await transitionStep(client, stepUuid, 'waiting_for_retry', 'pending');
    await transitionStep(client, stepUuid, 'pending', 'enqueued');
    events.push({ type: 'step_enqueued', taskUuid, stepUuid, name });
  }
  await client.query(
    `SELECT tasker.pgmq_send_with_notify('worker_' || tn.name || '_queue',
              jsonb_build_object('task_uuid', t.task_uuid, 'step_uuid', step_uuid, 'correlation_id', t.correlation_id))
       FROM tasker.tasks t
       JOIN tasker.named_tasks nt USING (named_task_uuid)
       JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
      CROSS JOIN unnest($2::uuid[]) AS step_uuid
      WHERE t.task_uuid = $1`,
    [taskUuid, steps.map((step) => step.stepUuid)],
  );
}
