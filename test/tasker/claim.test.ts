import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture, moveStep, readStep } from './fixture.ts';

describe('claiming steps', () => {
  let fixture: Fixture;
  let queue: TaskerQueue;
  const problems: string[] = [];

  beforeAll(async () => {
    fixture = await createFixture();
    queue = await createTaskerQueue({
      databaseUrl: fixture.url,
      namespace: fixture.namespace,
      onError: ({ code }) => problems.push(code),
    });
  });

  afterAll(async () => {
    await queue.close();
    await fixture.close();
  });

  it('moves the step to in_progress, counts the attempt and archives the message', async () => {
    const task = await fixture.createTask();
    const step = await task.addStep('greet');
    const claimed = await queue.claim(5);
    expect(claimed.map(({ invocation }) => [invocation.stepUuid, invocation.attempt])).toEqual([[step, 1]]);
    const row = await readStep(fixture, step);
    expect(row).toMatchObject({ state: 'in_progress', attempts: 1, in_process: true });
    expect(row.transition_metadata).toMatchObject({
      event: '{"type":"Start"}',
      worker_uuid: queue.workerUuid,
      correlation_id: task.correlationId,
      attempt: 1,
    });
    expect(await fixture.messages()).toEqual([]);
    expect(await fixture.archived()).toContainEqual({
      task_uuid: task.taskUuid,
      step_uuid: step,
      correlation_id: task.correlationId,
    });
  });

  it('gives each of many steps to exactly one of twenty concurrent claims', async () => {
    const task = await fixture.createTask();
    const step = await task.addStep('greet');
    // Twenty deliveries of the one step, and a queue of its own for each claimer's session.
    for (let copy = 0; copy < 19; copy++) {
      await fixture.query(`SELECT pgmq.send($1, $2::jsonb)`, [
        fixture.queue,
        JSON.stringify({ task_uuid: task.taskUuid, step_uuid: step, correlation_id: task.correlationId }),
      ]);
    }
    const rivals = await Promise.all(
      Array.from({ length: 20 }, () =>
        createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace }),
      ),
    );
    const claims = await Promise.all(rivals.map((rival) => rival.claim(1)));
    const winners = claims.flatMap((steps, index) => steps.map(() => rivals[index]?.workerUuid));
    expect(winners).toHaveLength(1);
    const row = await readStep(fixture, step);
    expect(row.attempts).toBe(1);
    expect(row.transition_metadata['worker_uuid']).toBe(winners[0]);
    await Promise.all(rivals.map((rival) => rival.close()));
    // A rival that lost before the winner committed left its delivery; it is archived when it comes again.
    await fixture.query(`UPDATE pgmq.q_${fixture.queue} SET vt = now()`);
    expect(await queue.claim(20)).toEqual([]);
    expect(await fixture.messages()).toEqual([]);
  });

  it('claims no more than it is asked for and leaves the rest', async () => {
    const task = await fixture.createTask({
      steps: ['a1', 'a2', 'a3'].map((name) => ({ name, handler: { callable: 'hello' } })),
    });
    for (const name of ['a1', 'a2', 'a3']) await task.addStep(name);
    expect(await queue.claim(2)).toHaveLength(2);
    expect(await queue.claim(0)).toEqual([]);
    expect(await queue.claim(2)).toHaveLength(1);
    expect(await queue.claim(2)).toEqual([]);
  });

  it('archives a second delivery of a step that is running or done', async () => {
    const task = await fixture.createTask();
    const step = await task.addStep('greet');
    const message = JSON.stringify({
      task_uuid: task.taskUuid,
      step_uuid: step,
      correlation_id: task.correlationId,
    });
    expect(await queue.claim(1)).toHaveLength(1);
    await fixture.query(`SELECT pgmq.send($1, $2::jsonb)`, [fixture.queue, message]);
    expect(await queue.claim(1)).toEqual([]);
    expect(await fixture.messages()).toEqual([]);
    await moveStep(fixture, step, 'cancelled');
    await fixture.query(`SELECT pgmq.send($1, $2::jsonb)`, [fixture.queue, message]);
    expect(await queue.claim(1)).toEqual([]);
    expect(await fixture.messages()).toEqual([]);
  });

  it('keeps the message of a step that is not enqueued yet', async () => {
    const task = await fixture.createTask();
    const step = await task.addStep('greet', { state: 'pending', message: true });
    expect(await queue.claim(1)).toEqual([]);
    expect(await fixture.messages()).toMatchObject([{ step_uuid: step }]);
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [fixture.queue]);
  });

  it('archives and reports messages that are no step messages, and claims the steps between them', async () => {
    const task = await fixture.createTask();
    for (const poison of ['"text"', '[]', '{}', '{"task_uuid": "x", "step_uuid": 7}', 'null']) {
      await fixture.query(`SELECT pgmq.send($1, $2::jsonb)`, [fixture.queue, poison]);
    }
    const step = await task.addStep('greet');
    const claimed = await queue.claim(10);
    expect(claimed.map(({ invocation }) => invocation.stepUuid)).toEqual([step]);
    expect(await fixture.messages()).toEqual([]);
    expect(problems).toEqual(['ERR_MESSAGE_INVALID']);
    expect(await fixture.archived()).toContainEqual('text');
  });

  it('archives the message of a step that does not exist', async () => {
    const uuid = '00000000-0000-4000-8000-000000000000';
    await fixture.query(`SELECT pgmq.send($1, $2::jsonb)`, [
      fixture.queue,
      JSON.stringify({ task_uuid: uuid, step_uuid: uuid, correlation_id: uuid }),
    ]);
    expect(await queue.claim(1)).toEqual([]);
    expect(await fixture.messages()).toEqual([]);
  });
});

describe('a claim that cannot archive its message', () => {
  it('claims nothing', async () => {
    const fixture = await createFixture();
    const queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    const task = await fixture.createTask();
    const step = await task.addStep('greet');
    await fixture.query(`ALTER TABLE pgmq.a_${fixture.queue} ADD CONSTRAINT refuse CHECK (false)`);
    expect(await queue.claim(1)).toEqual([]);
    expect(await readStep(fixture, step)).toMatchObject({ state: 'enqueued', attempts: null });
    expect(await fixture.messages()).toMatchObject([{ step_uuid: step }]);
    await queue.close();
    await fixture.close();
  });
});
