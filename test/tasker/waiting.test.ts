import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WaitRequest } from '../../src/model/step-request.ts';
import type { ClaimedStep } from '../../src/queue/step-queue.ts';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture, moveStep, readStep, type Task } from './fixture.ts';

const RESULTS = 'orchestration_step_results';
const HOUR_MS = 3_600_000;

describe('a step that waits for a person', () => {
  let fixture: Fixture;
  let task: Task;
  let nowMs: number;
  const queues: TaskerQueue[] = [];

  beforeEach(async () => {
    fixture = await createFixture();
    nowMs = Date.now();
  });

  afterEach(async () => {
    for (const queue of queues.splice(0)) await queue.close();
    await fixture.close();
  });

  const startQueue = async (): Promise<TaskerQueue> => {
    const queue = await createTaskerQueue({
      databaseUrl: fixture.url,
      namespace: fixture.namespace,
      now: () => nowMs,
    });
    queues.push(queue);
    return queue;
  };

  const claimOne = async (queue: TaskerQueue, options: Parameters<Fixture['createTask']>[0] = {}) => {
    task = await fixture.createTask({ lifecycle: { max_steps_in_process_minutes: 180 }, ...options });
    await task.addStep('greet');
    const [claimed] = await queue.claim(1);
    if (claimed === undefined) throw new Error('nothing claimed');
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [RESULTS]);
    return claimed;
  };

  const park = (queue: TaskerQueue, step: ClaimedStep, wait: Partial<WaitRequest> = {}) =>
    queue.park(step, {
      wait: {
        reason: 'refund of 900 EUR',
        timeout_ms: 2 * HOUR_MS,
        on_timeout: 'fail',
        on_reject: 'fail',
        data: { order: 'o1' },
        ...wait,
      },
      handlerVersion: 'gate@1.0.0',
      startedAtMs: nowMs,
      executionMs: 3,
      custom: { receipt: { fuel: 7 } },
    });

  const approve = { decision: 'approved', by: 'ada', comment: 'fine', data: { limit: 900 } } as const;
  const reject = { decision: 'rejected', by: 'bob', comment: 'too much', data: null } as const;

  it('stays in progress with its attempt, and is approved two hours later', async () => {
    const queue = await startQueue();
    const step = await claimOne(queue);
    const { stepUuid } = step.invocation;
    expect(await park(queue, step)).toEqual({ settlement: 'settled', refused: null });
    expect(await readStep(fixture, stepUuid)).toMatchObject({ state: 'in_progress', attempts: 1 });
    expect(await fixture.messages(RESULTS)).toEqual([]);
    nowMs += 2 * HOUR_MS - 1;
    expect(await queue.waiting()).toMatchObject([
      { stepUuid, stepName: 'greet', reason: 'refund of 900 EUR', data: { order: 'o1' } },
    ]);
    await queue.decide(stepUuid, approve);
    expect(await readStep(fixture, stepUuid)).toMatchObject({
      state: 'enqueued_for_orchestration',
      attempts: 1,
      in_process: false,
      results: {
        success: true,
        result: {
          decision: 'approved',
          by: 'ada',
          comment: 'fine',
          data: { limit: 900 },
          timed_out: false,
          reason: 'refund of 900 EUR',
          asked: { order: 'o1' },
        },
        metadata: {
          handler_version: 'gate@1.0.0',
          worker_id: `worker_${queue.workerUuid}`,
          custom: { receipt: { fuel: 7 } },
        },
      },
    });
    expect(await fixture.messages(RESULTS)).toMatchObject([{ step_uuid: stepUuid }]);
    expect(await queue.waiting()).toEqual([]);
  });

  it('is decided once: a second decision finds nothing', async () => {
    const queue = await startQueue();
    const step = await claimOne(queue);
    await park(queue, step);
    const decisions = await Promise.allSettled(
      [approve, reject, approve].map((decision) => queue.decide(step.invocation.stepUuid, decision)),
    );
    expect(decisions.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(decisions.filter((one) => one.status === 'rejected').map((one) => one.reason.code)).toEqual([
      'ERR_WAIT_UNKNOWN',
      'ERR_WAIT_UNKNOWN',
    ]);
    expect(await fixture.messages(RESULTS)).toHaveLength(1);
  });

  it.each([
    ['fail', 'enqueued_as_error_for_orchestration', 'ERR_WAIT_REJECTED', 'rejected by bob: too much'],
    ['complete', 'enqueued_for_orchestration', null, null],
  ] as const)('that is rejected does what it asked for: %s', async (on_reject, state, code, message) => {
    const queue = await startQueue();
    const step = await claimOne(queue);
    await park(queue, step, { on_reject });
    await queue.decide(step.invocation.stepUuid, reject);
    const row = await readStep(fixture, step.invocation.stepUuid);
    expect(row.state).toBe(state);
    expect(row.results?.metadata['error_code']).toBe(code);
    expect(row.results?.error?.['message'] ?? null).toBe(message);
    expect(row.results?.metadata['retryable']).toBe(false);
  });

  it.each([
    ['fail', 'ERR_WAIT_TIMEOUT', null],
    ['approve', null, 'approved'],
    ['reject', 'ERR_WAIT_REJECTED', null],
  ] as const)('that nobody decides does what it asked for: %s', async (on_timeout, code, decision) => {
    const first = await startQueue();
    const step = await claimOne(first);
    await park(first, step, { on_timeout });
    nowMs += 2 * HOUR_MS + 1;
    // Any broker looks when it starts, and every few seconds afterwards.
    await startQueue();
    const { results } = await readStep(fixture, step.invocation.stepUuid);
    expect(results?.metadata['error_code']).toBe(code);
    expect(results?.result).toMatchObject(decision === null ? {} : { decision });
  });

  it('outlives its broker: recovery leaves it alone and another broker settles it', async () => {
    const killed = await startQueue();
    const step = await claimOne(killed);
    const { stepUuid } = step.invocation;
    await park(killed, step);
    await killed.close();
    queues.pop();
    const next = await startQueue();
    expect((await readStep(fixture, stepUuid)).state).toBe('in_progress');
    await next.decide(stepUuid, approve);
    const row = await readStep(fixture, stepUuid);
    expect(row).toMatchObject({ state: 'enqueued_for_orchestration', attempts: 1 });
    expect(row.results?.metadata['worker_id']).toBe(`worker_${killed.workerUuid}`);
  });

  it('is forgotten when somebody cancels it', async () => {
    const queue = await startQueue();
    const step = await claimOne(queue);
    await park(queue, step);
    await moveStep(fixture, step.invocation.stepUuid, 'cancelled');
    expect(await queue.waiting()).toEqual([]);
    await expect(queue.decide(step.invocation.stepUuid, approve)).rejects.toMatchObject({
      code: 'ERR_WAIT_UNKNOWN',
    });
    await startQueue();
    expect(await fixture.query('SELECT * FROM wasm_broker.waiting_steps')).toEqual([]);
  });

  it('is not parked when it was cancelled before', async () => {
    const queue = await startQueue();
    const step = await claimOne(queue);
    await moveStep(fixture, step.invocation.stepUuid, 'cancelled');
    expect(await park(queue, step)).toEqual({ settlement: 'lost', refused: null });
  });

  it.each([
    [{ max_steps_in_process_minutes: 180 }, 3 * HOUR_MS, 'max_steps_in_process_minutes: 182'],
    [undefined, HOUR_MS, 'max_steps_in_process_minutes: 62'],
    [{ max_steps_in_process_minutes: 5000 }, 24 * HOUR_MS, 'Tasker ends every task after 1440 minutes'],
  ])('fails at once when Tasker would not wait as long (%j)', async (lifecycle, timeout_ms, cure) => {
    const queue = await startQueue();
    const step = await claimOne(queue, { lifecycle } as Parameters<Fixture['createTask']>[0]);
    const { settlement, refused } = await park(queue, step, { timeout_ms });
    expect(settlement).toBe('settled');
    expect(refused).toMatchObject({ code: 'ERR_WAIT_TOO_LONG', retryable: false });
    expect(refused?.message).toContain(cure);
    expect((await readStep(fixture, step.invocation.stepUuid)).results?.metadata['error_code']).toBe(
      'ERR_WAIT_TOO_LONG',
    );
  });

  it('may wait for less the longer its task has been in process already', async () => {
    const queue = await startQueue();
    const step = await claimOne(queue, { lifecycle: { max_steps_in_process_minutes: 60 } });
    await fixture.query(
      `UPDATE task_transitions SET created_at = created_at - interval '50 minutes' WHERE task_uuid = $1`,
      [task.taskUuid],
    );
    const { refused } = await park(queue, step, { timeout_ms: 20 * 60_000 });
    expect(refused?.code).toBe('ERR_WAIT_TOO_LONG');
  });

  it('cannot be a decision: its result has to be an outcome', async () => {
    const queue = await startQueue();
    const step = await claimOne(queue, {
      steps: [
        { name: 'greet', type: 'decision', dependencies: ['first'], handler: { callable: 'x' } },
        { name: 'first', handler: { callable: 'x' } },
      ],
    });
    expect((await park(queue, step)).refused?.code).toBe('ERR_OUTCOME_INVALID');
  });
});
