import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completeSteps } from '../../src/tasker/completion.ts';
import { createHeldResults, HOLD_MAX_MS } from '../../src/tasker/held-results.ts';
import { toStepExecutionResult } from '../../src/tasker/step-execution-result.ts';
import { createTaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture, moveStep, readStep } from './fixture.ts';

const RESULTS = 'orchestration_step_results';
const DONE = {
  success: true,
  output: 1,
  error: null,
  handlerVersion: null,
  startedAtMs: 0,
  executionMs: 1,
  custom: {},
};

const fail = (error: unknown): never => {
  throw error;
};

describe('results of a task that is still being enqueued', () => {
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await createFixture();
  });

  afterAll(() => fixture.close());

  /** A step that was completed while its task was in `state`. */
  const completeIn = async (state: string) => {
    const queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    const task = await fixture.createTask();
    await task.setState(state);
    const stepUuid = await task.addStep('greet');
    await queue.claim(1);
    const { workerUuid } = queue;
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [RESULTS]);
    const identity = {
      stepUuid,
      workerUuid,
      hostname: null,
      attempt: 1,
      retry: { backoff: 'none', backoffBaseMs: null, maxBackoffMs: null },
      retryable: true,
    } as const;
    const { record } = toStepExecutionResult(identity, DONE);
    const [completion] = await completeSteps(fixture.database.pool, [{ identity, record, uncounted: false }]);
    await queue.close();
    return { task, stepUuid, completion };
  };

  it.each(['pending', 'initializing', 'enqueuing_steps'])(
    'are stored without a message in %s',
    async (state) => {
      const { stepUuid, completion } = await completeIn(state);
      expect(completion).toBe('held');
      expect(await fixture.messages(RESULTS)).toEqual([]);
      expect((await readStep(fixture, stepUuid)).state).toBe('enqueued_for_orchestration');
    },
  );

  it('get their message as soon as the task is enqueued, once', async () => {
    const { task, stepUuid } = await completeIn('enqueuing_steps');
    const held = createHeldResults({
      database: fixture.database.pool,
      now: () => 0,
      onError: fail,
    });
    held.add(stepUuid);
    expect(await held.release()).toBe(1);
    expect(await fixture.messages(RESULTS)).toEqual([]);
    await task.setState('steps_in_process');
    expect(await held.release()).toBe(0);
    expect(await fixture.messages(RESULTS)).toEqual([
      { task_uuid: task.taskUuid, step_uuid: stepUuid, correlation_id: task.correlationId },
    ]);
    expect(await held.release()).toBe(0);
    await held.close();
    expect(await fixture.messages(RESULTS)).toHaveLength(1);
  });

  it('get their message after five seconds in any case', async () => {
    const { stepUuid } = await completeIn('enqueuing_steps');
    let nowMs = 0;
    const held = createHeldResults({
      database: fixture.database.pool,
      now: () => nowMs,
      onError: fail,
    });
    held.add(stepUuid);
    nowMs = HOLD_MAX_MS - 1;
    expect(await held.release()).toBe(1);
    nowMs = HOLD_MAX_MS;
    expect(await held.release()).toBe(0);
    expect(await fixture.messages(RESULTS)).toMatchObject([{ step_uuid: stepUuid }]);
    await held.close();
  });

  it('get no message when the step was processed without it', async () => {
    const { task, stepUuid } = await completeIn('enqueuing_steps');
    const held = createHeldResults({
      database: fixture.database.pool,
      now: () => 0,
      onError: fail,
    });
    held.add(stepUuid);
    await moveStep(fixture, stepUuid, 'complete');
    await task.setState('steps_in_process');
    expect(await held.release()).toBe(0);
    expect(await fixture.messages(RESULTS)).toEqual([]);
    await held.close();
  });

  it('are sent by the queue itself, which does not close before', async () => {
    const queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    const task = await fixture.createTask();
    await task.setState('enqueuing_steps');
    const stepUuid = await task.addStep('greet');
    const [step] = await queue.claim(1);
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [RESULTS]);
    expect(step && (await queue.settle(step, DONE))).toMatchObject({ settlement: 'settled' });
    expect(await fixture.messages(RESULTS)).toEqual([]);
    const closed = queue.close();
    await task.setState('steps_in_process');
    await closed;
    expect(await fixture.messages(RESULTS)).toMatchObject([{ step_uuid: stepUuid }]);
  });
});
