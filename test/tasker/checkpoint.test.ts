import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture, moveStep, readStep } from './fixture.ts';

describe('a checkpoint', () => {
  let fixture: Fixture;
  let queue: TaskerQueue;

  beforeAll(async () => {
    fixture = await createFixture();
    queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
  });

  afterAll(async () => {
    await queue.close();
    await fixture.close();
  });

  const claimOne = async () => {
    const task = await fixture.createTask();
    await task.addStep('greet');
    const [claimed] = await queue.claim(1);
    if (claimed === undefined) throw new Error('nothing claimed');
    return claimed;
  };

  const stored = async (stepUuid: string) =>
    (
      await fixture.query<{ checkpoint: Record<string, unknown> | null }>(
        'SELECT checkpoint FROM workflow_steps WHERE workflow_step_uuid = $1',
        [stepUuid],
      )
    )[0]?.checkpoint;

  it('is stored in the shape of Tasker, with its history, and the step stays in progress', async () => {
    const step = await claimOne();
    const { stepUuid } = step.invocation;
    for (const cursor of [100, { page: 2 }]) {
      const checkpoint = { cursor, items_processed: 50, accumulated_results: { sum: 1 } };
      expect(await queue.checkpoint(step, checkpoint)).toEqual({ settlement: 'settled', refused: null });
    }
    expect(await stored(stepUuid)).toEqual({
      cursor: { page: 2 },
      items_processed: 50,
      accumulated_results: { sum: 1 },
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      history: [
        { cursor: 100, timestamp: expect.any(String) },
        { cursor: { page: 2 }, timestamp: expect.any(String) },
      ],
    });
    expect(await readStep(fixture, stepUuid)).toMatchObject({ state: 'in_progress', attempts: 1 });
  });

  it('keeps a history of the last hundred only', async () => {
    const step = await claimOne();
    for (let cursor = 0; cursor < 103; cursor += 1) {
      await queue.checkpoint(step, { cursor, items_processed: cursor, accumulated_results: null });
    }
    const history = (await stored(step.invocation.stepUuid))?.['history'] as { cursor: number }[];
    expect(history.map(({ cursor }) => cursor)).toEqual(Array.from({ length: 100 }, (_, index) => index + 3));
  });

  it('is given to the next attempt', async () => {
    const step = await claimOne();
    const { stepUuid } = step.invocation;
    await queue.checkpoint(step, { cursor: 7, items_processed: 7, accumulated_results: null });
    await queue.settle(step, {
      success: false,
      output: {},
      error: { code: 'x', message: 'x', errorType: 'retryable_error', retryable: true, retryAfterMs: 0 },
      handlerVersion: null,
      startedAtMs: 0,
      executionMs: 0,
      custom: {},
    });
    await moveStep(fixture, stepUuid, 'enqueued');
    await fixture.query(`SELECT pgmq.send($1, $2::jsonb)`, [
      fixture.queue,
      JSON.stringify({
        task_uuid: step.invocation.taskUuid,
        step_uuid: stepUuid,
        correlation_id: step.invocation.correlationId,
      }),
    ]);
    const [next] = await queue.claim(1);
    expect(next?.invocation).toMatchObject({ stepUuid, attempt: 2, checkpoint: { cursor: 7 } });
  });

  it('of a step that was cancelled meanwhile is not stored', async () => {
    const step = await claimOne();
    await moveStep(fixture, step.invocation.stepUuid, 'cancelled');
    const checkpoint = { cursor: 1, items_processed: 1, accumulated_results: null };
    expect(await queue.checkpoint(step, checkpoint)).toEqual({ settlement: 'lost', refused: null });
    expect(await stored(step.invocation.stepUuid)).toBeNull();
  });

  it('that PostgreSQL cannot store fails its step for good', async () => {
    const step = await claimOne();
    const checkpoint = { cursor: 'a\u0000b', items_processed: 1, accumulated_results: null };
    expect((await queue.checkpoint(step, checkpoint)).refused?.code).toBe('ERR_OUTPUT_INVALID');
    expect(await readStep(fixture, step.invocation.stepUuid)).toMatchObject({
      state: 'enqueued_as_error_for_orchestration',
      results: { metadata: { retryable: false, error_code: 'ERR_OUTPUT_INVALID' } },
    });
  });
});
