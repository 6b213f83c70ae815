import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connections, openConnections } from '../../src/standalone/engine/connections.ts';
import { actOnStep, cancelTask } from '../../src/standalone/engine/operator.ts';
import { EngineHarness } from './support/engine-harness.ts';
import { type ClaimedStep, executionResult } from './support/sql-worker.ts';

/*
 * The hazards of Tasker's contract (worker protocol §9.2) that the orchestrator causes: the standalone engine has them
 * too, so that what a worker does about them is tested. Numbers are those of the protocol.
 */

let harness: EngineHarness;
let operator: Connections;
beforeEach(async () => {
  harness = await EngineHarness.open();
  operator = openConnections({ databaseUrl: harness.database.url });
});
afterEach(async () => {
  await operator.pool.end();
  await harness.close();
});

const failure = { failure: 'busy', retryable: true };
const RESULTS = 'orchestration_step_results';

async function single(retry?: { retryable: boolean; max_attempts: number }): Promise<string> {
  await harness.worker.register('single', [{ name: 'only', ...(retry && { retry }) }]);
  return (await harness.submit('single')).taskUuid;
}

async function pair(): Promise<{ taskUuid: string; first: ClaimedStep; second: ClaimedStep }> {
  await harness.worker.register('pair', [{ name: 'left' }, { name: 'right' }]);
  const { taskUuid } = await harness.submit('pair');
  return { taskUuid, first: await harness.claimNext(), second: await harness.claimNext() };
}

const statusOf = async (taskUuid: string): Promise<string> => (await harness.engine.task(taskUuid)).status;

describe('hazard 2: metadata.retryable is omitted', () => {
  it('every failure is permanent', async () => {
    const taskUuid = await single();
    const step = await harness.claimNext();
    const { metadata: _omitted, ...result } = executionResult(step, failure);
    await harness.worker.completeRaw(step, false, { ...result, metadata: { execution_time_ms: 1 } });
    const task = await harness.status(taskUuid, 'blocked_by_failures');
    expect(task.steps[0]).toMatchObject({ state: 'error', attempts: 1 });
  });
});

describe('hazard 3: malformed orchestration_metadata or error', () => {
  it.each([
    ['orchestration_metadata without headers', { orchestration_metadata: { custom: {} } }],
    ['orchestration_metadata without custom', { orchestration_metadata: { headers: {} } }],
    ['an error without retryable', { error: { message: 'no' } }],
    ['an execution time that is no integer', { metadata: { execution_time_ms: 1.5 } }],
  ])('%s: the message comes back for ever, the step stays', async (_case, broken) => {
    const taskUuid = await single();
    const step = await harness.claimNext();
    await harness.worker.completeRaw(step, true, { ...executionResult(step, { value: 1 }), ...broken });
    for (const deliveries of [1, 2, 3, 4, 5, 6, 7]) {
      await harness.delivered(deliveries);
      await harness.client.query(`UPDATE pgmq.q_${RESULTS} SET vt = clock_timestamp()`);
    }
    expect(await harness.queueLength(RESULTS)).toBe(1);
    expect(await harness.engine.task(taskUuid)).toMatchObject({
      status: 'steps_in_process',
      steps: [{ state: 'enqueued_for_orchestration' }],
    });
  });
});

describe('hazard 4: a result is processed while its task is still enqueuing steps', () => {
  it('it is accepted, nothing re-evaluates the task, and a nudge frees it', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    // Holds the submitting session between the message and the task's next state.
    await harness.client.query('SELECT pg_advisory_lock(4)');
    await harness.client.query(`
      CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock(4); RETURN NEW; END $$;
      CREATE TRIGGER wait_for_test BEFORE INSERT ON tasker.task_transitions
        FOR EACH ROW WHEN (NEW.to_state = 'steps_in_process') EXECUTE FUNCTION wait_for_test()`);
    const submitting = harness.submit('single');
    const step = await harness.run('only');
    await harness.stepState(step.taskUuid, 'only', 'complete');
    await harness.resultsDrained();
    expect(await statusOf(step.taskUuid)).toBe('enqueuing_steps');
    await harness.client.query('SELECT pg_advisory_unlock(4)');
    const { taskUuid } = await submitting;
    await harness.idleRound();
    expect(await statusOf(taskUuid)).toBe('steps_in_process');
    await harness.worker.nudge(step);
    await harness.status(taskUuid, 'complete');
  });
});

describe('hazard 5: the worker queue is missing when a step is enqueued', () => {
  it('the step stays enqueued without a message, also once the queue is there', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    await harness.client.query('SELECT pgmq.drop_queue($1)', [harness.worker.queue]);
    const { taskUuid } = await harness.submit('single');
    expect(await harness.event('enqueue_failed')).toMatchObject({ taskUuid });
    await harness.client.query('SELECT pgmq.create($1)', [harness.worker.queue]);
    await harness.idleRound();
    expect(await harness.engine.task(taskUuid)).toMatchObject({
      status: 'steps_in_process',
      steps: [{ state: 'enqueued' }],
    });
    expect(await harness.queueLength()).toBe(0);
  });
});

describe('hazard 9: orchestration_metadata is null on a retryable failure', () => {
  it('the step is ready again in the same pass, until its attempts are used up', async () => {
    const taskUuid = await single();
    for (const attempt of [1, 2, 3]) {
      const step = await harness.claimNext();
      expect(step.attempts).toBe(attempt);
      const result = { ...executionResult(step, failure), orchestration_metadata: null };
      await harness.worker.completeRaw(step, false, result);
    }
    const task = await harness.status(taskUuid, 'blocked_by_failures');
    expect(task.steps[0]).toMatchObject({ state: 'error', attempts: 3 });
    expect(await harness.taskHistory(taskUuid)).not.toContain('waiting_for_dependencies');
  });
});

describe('hazard 11: in_process is left true', () => {
  it('the step is never retried', async () => {
    const taskUuid = await single();
    const step = await harness.claimNext();
    await harness.worker.complete(step, failure, { leaveInProcess: true });
    await harness.status(taskUuid, 'waiting_for_dependencies');
    harness.nowMs += 30 * 60_000;
    await harness.idleRound();
    expect(await harness.engine.task(taskUuid)).toMatchObject({
      status: 'waiting_for_dependencies',
      steps: [{ state: 'waiting_for_retry' }],
    });
    await harness.client.query('UPDATE tasker.workflow_steps SET in_process = false');
    await harness.run('only');
    await harness.status(taskUuid, 'complete');
  });
});

describe('hazard 16: reset_for_retry', () => {
  it('does not reset attempts, and the task stays blocked', async () => {
    const taskUuid = await single({ retryable: true, max_attempts: 1 });
    const step = await harness.run('only', failure);
    await harness.status(taskUuid, 'blocked_by_failures');
    expect(await actOnStep(operator, taskUuid, step.stepUuid, { kind: 'reset_for_retry' })).toEqual({
      allowed: true,
    });
    harness.nowMs += 10 * 60_000;
    await harness.worker.nudge(step);
    await harness.resultsDrained();
    await harness.idleRound();
    expect(await harness.engine.task(taskUuid)).toMatchObject({
      status: 'blocked_by_failures',
      steps: [{ state: 'pending', attempts: 1 }],
    });
  });
});

describe('hazard 18: a task is cancelled', () => {
  it('a message for a cancelled step stays in the queue, and its claim fails', async () => {
    const taskUuid = await single();
    expect(await cancelTask(operator, taskUuid)).toBe('cancelled');
    expect(await harness.queueLength()).toBe(1);
    expect(await harness.worker.claim()).toBeNull();
    expect(await harness.engine.task(taskUuid)).toMatchObject({
      status: 'cancelled',
      steps: [{ state: 'cancelled', attempts: 0 }],
    });
  });

  it('a running step is cancelled under its worker, whose completion changes nothing', async () => {
    const taskUuid = await single();
    const step = await harness.claimNext();
    expect(await cancelTask(operator, taskUuid)).toBe('cancelled');
    await harness.worker.complete(step, { value: 1 });
    await harness.idleRound();
    expect(await harness.engine.task(taskUuid)).toMatchObject({
      status: 'cancelled',
      steps: [{ state: 'cancelled', results: null }],
    });
    expect(await cancelTask(operator, taskUuid)).toBe('ended');
  });
});

describe('a retryable failure with a sibling still running (protocol §14)', () => {
  const rest = async () => {
    const task = await pair();
    await harness.worker.complete(task.first, failure);
    await harness.status(task.taskUuid, 'evaluating_results');
    harness.nowMs += 60_000;
    await harness.idleRound();
    expect(await harness.queueLength()).toBe(0);
    expect(await statusOf(task.taskUuid)).toBe('evaluating_results');
    return task;
  };

  it('rests in evaluating_results, which no poller reads, until a finalization message', async () => {
    const { taskUuid, first, second } = await rest();
    await harness.client.query(`SELECT pgmq.send('orchestration_task_finalizations', $1::jsonb)`, [
      JSON.stringify({ task_uuid: taskUuid }),
    ]);
    await harness.run(first.name);
    await harness.worker.complete(second, { value: 1 });
    await harness.status(taskUuid, 'complete');
  });

  it('a nudge with the failed step itself starts its backoff anew, so that it never runs', async () => {
    const { taskUuid, first } = await rest();
    await harness.worker.nudge(first);
    await harness.resultsDrained();
    await harness.idleRound();
    expect(await harness.queueLength()).toBe(0);
    expect(await statusOf(taskUuid)).toBe('evaluating_results');
  });

  it('a nudge with a completed step of the task frees it', async () => {
    await harness.worker.register('fork', [
      { name: 'start' },
      { name: 'left', dependencies: ['start'] },
      { name: 'right', dependencies: ['start'] },
    ]);
    const { taskUuid } = await harness.submit('fork');
    const start = await harness.run('start');
    const first = await harness.claimNext();
    await harness.claimNext();
    await harness.worker.complete(first, failure);
    await harness.status(taskUuid, 'evaluating_results');
    harness.nowMs += 60_000;
    await harness.worker.nudge(start);
    await harness.run(first.name);
  });

  it('goes on when the sibling reports', async () => {
    const { taskUuid, first, second } = await pair();
    await harness.worker.complete(first, failure);
    await harness.status(taskUuid, 'evaluating_results');
    harness.nowMs += 60_000;
    await harness.worker.complete(second, { value: 1 });
    await harness.run(first.name);
    await harness.status(taskUuid, 'complete');
  });

  it('a success that leaves the task waiting is delivered twice', async () => {
    const { taskUuid, first, second } = await pair();
    await harness.worker.complete(first, failure);
    await harness.status(taskUuid, 'evaluating_results');
    await harness.worker.complete(second, { value: 1 });
    await harness.status(taskUuid, 'waiting_for_dependencies');
    expect((await harness.event('message_left')).reason).toMatch(/no ready steps to enqueue/);
    await harness.client.query(`UPDATE pgmq.q_${RESULTS} SET vt = clock_timestamp()`);
    await harness.resultsDrained();
    expect((await harness.engine.task(taskUuid)).steps.map((step) => step.attempts)).toEqual([1, 1]);
  });
});

describe('a finalization message', () => {
  const finalize = (taskUuid: string) =>
    harness.client.query(`SELECT pgmq.send('orchestration_task_finalizations', $1::jsonb)`, [
      JSON.stringify({ task_uuid: taskUuid }),
    ]);

  it('completes a task whose last result met hazard 4', async () => {
    const taskUuid = await single();
    await harness.client.query(
      `UPDATE tasker.task_transitions SET to_state = 'enqueuing_steps' WHERE most_recent`,
    );
    await harness.run('only');
    await harness.resultsDrained();
    await harness.client.query(
      `UPDATE tasker.task_transitions SET to_state = 'steps_in_process' WHERE most_recent`,
    );
    await finalize(taskUuid);
    await harness.status(taskUuid, 'complete');
  });

  it('gives a blocked task up', async () => {
    const taskUuid = await single();
    await harness.run('only', { failure: 'no', retryable: false });
    await harness.status(taskUuid, 'blocked_by_failures');
    await finalize(taskUuid);
    await harness.status(taskUuid, 'error');
  });

  it('stays in the queue when the task has nothing to go on with', async () => {
    const taskUuid = await single();
    await harness.run('only', failure);
    await harness.status(taskUuid, 'waiting_for_dependencies');
    await finalize(taskUuid);
    expect(await harness.event('message_left')).toMatchObject({
      queue: 'orchestration_task_finalizations',
      reason: expect.stringContaining('waiting_for_dependencies'),
    });
    expect(await harness.queueLength('orchestration_task_finalizations')).toBe(1);
  });
});

describe('a task that waits (protocol §4.4)', () => {
  it.each([
    [59, 'is picked up', 1],
    [62, 'is never picked up again', 0],
  ])('for dependencies for %i minutes %s', async (minutes, _then, messages) => {
    const taskUuid = await single();
    await harness.run('only', { ...failure, headers: { 'retry-after': '60' } });
    await harness.status(taskUuid, 'waiting_for_dependencies');
    harness.nowMs += minutes * 60_000;
    await harness.idleRound();
    await harness.queueHas(messages);
  });

  it.each([
    [29, 'is picked up', 1],
    [32, 'is never picked up again', 0],
  ])('for a retry for %i minutes %s', async (minutes, _then, messages) => {
    const taskUuid = await single();
    await harness.run('only', { ...failure, headers: { 'retry-after': '60' } });
    await harness.status(taskUuid, 'waiting_for_dependencies');
    await harness.client.query(
      `UPDATE tasker.task_transitions SET to_state = 'waiting_for_retry' WHERE most_recent`,
    );
    harness.nowMs += minutes * 60_000;
    await harness.idleRound();
    await harness.queueHas(messages);
  });
});

describe('a result whose message was lost', () => {
  it('is noticed by nobody, also not by the next engine', async () => {
    const taskUuid = await single();
    const step = await harness.claimNext();
    await harness.engine.stop();
    await harness.worker.complete(step, { value: 1 });
    await harness.client.query(`SELECT pgmq.purge_queue('${RESULTS}')`);
    await harness.restart();
    await harness.idleRound();
    expect(await harness.engine.task(taskUuid)).toMatchObject({
      status: 'steps_in_process',
      steps: [{ state: 'enqueued_for_orchestration' }],
    });
    await harness.worker.nudge(step);
    await harness.status(taskUuid, 'complete');
  });
});

describe('an engine that was killed while it enqueued steps', () => {
  const strand = async (): Promise<string> => {
    const taskUuid = await single();
    await harness.engine.stop();
    await harness.client.query(`
      UPDATE tasker.task_transitions SET to_state = 'enqueuing_steps' WHERE most_recent;
      UPDATE tasker.workflow_step_transitions SET to_state = 'pending' WHERE most_recent;
      SELECT pgmq.purge_queue('${harness.worker.queue}')`);
    return taskUuid;
  };

  it('leaves its task so', async () => {
    const taskUuid = await strand();
    await harness.restart();
    await harness.idleRound();
    expect(await statusOf(taskUuid)).toBe('enqueuing_steps');
  });

  it('is continued by the next one that redrives, as the demo does', async () => {
    const taskUuid = await strand();
    await harness.restart({ redrive: true });
    await harness.run('only');
    await harness.status(taskUuid, 'complete');
  });
});
