import { createTaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, moveStep } from '../tasker/fixture.ts';
import { describeStepQueue } from './conformance.ts';

describeStepQueue('on Tasker', async () => {
  const fixture = await createFixture();
  const queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
  const task = await fixture.createTask({
    steps: ['one', 'two', 'three'].map((name) => ({ name, handler: { callable: 'hello' } })),
  });
  return {
    queue,
    enqueue: (name) => task.addStep(name),
    cancel: (stepUuid) => moveStep(fixture, stepUuid, 'cancelled'),
    async redeliver(stepUuid) {
      await moveStep(fixture, stepUuid, 'waiting_for_retry');
      await moveStep(fixture, stepUuid, 'enqueued');
      await fixture.query(`SELECT tasker.pgmq_send_with_notify($1, $2::jsonb)`, [
        fixture.queue,
        JSON.stringify({ task_uuid: task.taskUuid, step_uuid: stepUuid, correlation_id: task.correlationId }),
      ]);
    },
    async stop() {
      await queue.close();
      await fixture.close();
    },
  };
});
