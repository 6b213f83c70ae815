import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineHarness } from './support/engine-harness.ts';
import { executionResult } from './support/sql-worker.ts';

let harness: EngineHarness;
beforeEach(async () => {
  harness = await EngineHarness.open();
});
afterEach(async () => {
  await harness.close();
});

const names = (task: { steps: readonly { name: string }[] }): string[] =>
  task.steps.map((step) => step.name).sort();

describe('a task of the standalone engine', () => {
  it('runs its steps one after the other and completes', async () => {
    await harness.worker.register('line', [
      { name: 'fetch', initialization: { url: 'x' } },
      { name: 'store', dependencies: ['fetch'] },
    ]);
    const { taskUuid, created } = await harness.submit('line');
    expect(created).toBe(true);
    const fetch = await harness.claimNext();
    expect(fetch).toMatchObject({ name: 'fetch', attempts: 1, inputs: { url: 'x' } });
    expect(await harness.queueLength()).toBe(0);
    await harness.worker.complete(fetch, { value: { rows: 3 } });
    const store = await harness.run('store');
    expect(store.inputs).toBeNull();
    const task = await harness.status(taskUuid, 'complete');
    expect(task.completedAt).not.toBeNull();
    expect(
      task.steps.map(({ name, state, attempts, dependsOn }) => ({ name, state, attempts, dependsOn })),
    ).toEqual([
      { name: 'fetch', state: 'complete', attempts: 1, dependsOn: [] },
      { name: 'store', state: 'complete', attempts: 1, dependsOn: ['fetch'] },
    ]);
    expect(task.steps[0]?.results).toMatchObject({ success: true, result: { rows: 3 } });
    expect(await harness.taskHistory(taskUuid)).toEqual([
      'pending',
      'initializing',
      'enqueuing_steps',
      'steps_in_process',
      'evaluating_results',
      'enqueuing_steps',
      'steps_in_process',
      'evaluating_results',
      'complete',
    ]);
  });

  it('shows a dependent the results of all its ancestors through the contract function', async () => {
    await harness.worker.register('line', [
      { name: 'a' },
      { name: 'b', dependencies: ['a'] },
      { name: 'c', dependencies: ['b'] },
    ]);
    await harness.submit('line');
    await harness.run('a', { value: 1 });
    await harness.run('b', { value: 2 });
    const c = await harness.claimNext();
    const { rows } = await harness.client.query(
      'SELECT step_name, processed, distance, results FROM tasker.get_step_transitive_dependencies($1)',
      [c.stepUuid],
    );
    expect(rows).toMatchObject([
      { step_name: 'b', processed: true, distance: 1, results: { result: 2 } },
      { step_name: 'a', processed: true, distance: 2, results: { result: 1 } },
    ]);
  });

  it('runs both sides of a diamond at once and joins them when both are done', async () => {
    await harness.worker.register('diamond', [
      { name: 'start' },
      { name: 'left', dependencies: ['start'] },
      { name: 'right', dependencies: ['start'] },
      { name: 'join', dependencies: ['left', 'right'] },
    ]);
    const { taskUuid } = await harness.submit('diamond');
    await harness.run('start');
    const first = await harness.claimNext();
    const second = await harness.claimNext();
    expect([first.name, second.name].sort()).toEqual(['left', 'right']);
    await harness.worker.complete(first, { value: 1 });
    await harness.stepState(taskUuid, first.name, 'complete');
    expect(await harness.queueLength()).toBe(0);
    await harness.worker.complete(second, { value: 2 });
    await harness.run('join');
    await harness.status(taskUuid, 'complete');
  });

  it('is found again by its idempotency key, and by its context when there is no key', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const keyed = await harness.submit('single', { key: 'k1', context: { a: '1' } });
    expect(await harness.submit('single', { key: 'k1', context: { a: '2' } })).toEqual({
      ...keyed,
      created: false,
    });
    expect((await harness.submit('single', { key: 'k2', context: { a: '1' } })).taskUuid).not.toBe(
      keyed.taskUuid,
    );
    const strict = await harness.submit('single', { context: { a: '1', b: '2' } });
    expect(await harness.submit('single', { context: { b: '2', a: '1' } })).toEqual({
      ...strict,
      created: false,
    });
    expect(await harness.queueLength()).toBe(3);
  });

  it('is found as unfinished until it is complete or blocked', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const template = { namespace: 'shop', name: 'single' };
    expect(await harness.engine.findUnfinished(template)).toBeNull();
    const { taskUuid } = await harness.submit('single', { context: { a: '1' } });
    expect(await harness.engine.findUnfinished(template)).toMatchObject({ taskUuid, context: { a: '1' } });
    await harness.run('only', { failure: 'no', retryable: false });
    await harness.status(taskUuid, 'blocked_by_failures');
    expect(await harness.engine.findUnfinished(template)).toBeNull();
  });
});

describe('a decision', () => {
  const steps = [
    { name: 'rate' },
    { name: 'choose', type: 'decision', dependencies: ['rate'] },
    { name: 'publish', dependencies: ['choose'] },
    { name: 'review', dependencies: ['choose'] },
    { name: 'sign', dependencies: ['review'] },
    { name: 'close', type: 'deferred_convergence', dependencies: ['publish', 'sign'] },
    { name: 'archive', dependencies: ['close'] },
  ];
  const outcome = (...step_names: string[]) => ({
    value: { decision_point_outcome: { type: 'create_steps', step_names } },
  });

  it('creates the branch it names, what follows it, and the convergence with edges to what exists', async () => {
    await harness.worker.register('routed', steps);
    const { taskUuid } = await harness.submit('routed');
    expect(names(await harness.engine.task(taskUuid))).toEqual(['choose', 'rate']);
    await harness.run('rate');
    await harness.run('choose', outcome('review'));
    const task = await harness.stepState(taskUuid, 'review', 'enqueued');
    expect(Object.fromEntries(task.steps.map((step) => [step.name, step.dependsOn]))).toEqual({
      rate: [],
      choose: ['rate'],
      review: ['choose'],
      sign: ['review'],
      close: ['sign'],
      archive: ['close'],
    });
    for (const name of ['review', 'sign', 'close', 'archive']) await harness.run(name);
    await harness.status(taskUuid, 'complete');
  });

  it('joins both branches when it takes both', async () => {
    await harness.worker.register('routed', steps);
    const { taskUuid } = await harness.submit('routed');
    await harness.run('rate');
    await harness.run('choose', outcome('publish', 'review'));
    const task = await harness.stepState(taskUuid, 'review', 'enqueued');
    expect(task.steps.find((step) => step.name === 'close')?.dependsOn).toEqual(['publish', 'sign']);
  });

  it('that takes no branch ends the task without one', async () => {
    await harness.worker.register('routed', steps);
    const { taskUuid } = await harness.submit('routed');
    await harness.run('rate');
    await harness.run('choose', { value: { decision_point_outcome: { type: 'no_branches' } } });
    expect(names(await harness.status(taskUuid, 'complete'))).toEqual(['choose', 'rate']);
  });

  it.each([
    ['an unknown step', outcome('rate')],
    ['no outcome at all', { value: { chosen: 'review' } }],
  ])('with %s creates nothing, as in Tasker, and is reported', async (_case, report) => {
    await harness.worker.register('routed', steps);
    const { taskUuid } = await harness.submit('routed');
    await harness.run('rate');
    await harness.run('choose', report);
    await harness.status(taskUuid, 'complete');
    expect(await harness.event('outcome_refused')).toMatchObject({ name: 'choose' });
  });

  it('creates its branches once, however often its result is announced', async () => {
    await harness.worker.register('routed', steps);
    const { taskUuid } = await harness.submit('routed');
    await harness.run('rate');
    const choose = await harness.run('choose', outcome('publish'));
    await harness.worker.nudge(choose);
    await harness.worker.nudge(choose);
    await harness.resultsDrained();
    expect(names(await harness.engine.task(taskUuid))).toEqual([
      'archive',
      'choose',
      'close',
      'publish',
      'rate',
    ]);
    expect(await harness.queueLength()).toBe(1);
  });
});

describe('a step that fails', () => {
  const failure = { failure: 'busy', retryable: true };

  it('runs again after 2 s, then 4 s, and its task completes', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const { taskUuid } = await harness.submit('single');
    await harness.run('only', failure);
    await harness.status(taskUuid, 'waiting_for_dependencies');
    harness.nowMs += 1_999;
    await harness.idleRound();
    expect(await harness.queueLength()).toBe(0);
    harness.nowMs += 1;
    expect((await harness.run('only', failure)).attempts).toBe(2);
    await harness.status(taskUuid, 'waiting_for_dependencies');
    harness.nowMs += 4_000;
    await harness.run('only');
    const task = await harness.status(taskUuid, 'complete');
    expect(task.steps[0]).toMatchObject({ state: 'complete', attempts: 3 });
  });

  it('waits as long as its retry-after header says', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const { taskUuid } = await harness.submit('single');
    await harness.run('only', { ...failure, headers: { 'Retry-After': '60' } });
    await harness.status(taskUuid, 'waiting_for_dependencies');
    harness.nowMs += 59_999;
    await harness.idleRound();
    expect(await harness.queueLength()).toBe(0);
    harness.nowMs += 1;
    await harness.run('only');
    await harness.status(taskUuid, 'complete');
  });

  it('runs again at once when its worker sent no orchestration metadata', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const { taskUuid } = await harness.submit('single');
    const step = await harness.claimNext();
    const result = { ...executionResult(step, failure), orchestration_metadata: null };
    await harness.worker.completeRaw(step, false, result);
    await harness.run('only');
    await harness.status(taskUuid, 'complete');
  });

  it('blocks its task when its attempts are used up', async () => {
    await harness.worker.register('single', [{ name: 'only', retry: { retryable: true, max_attempts: 2 } }]);
    const { taskUuid } = await harness.submit('single');
    await harness.run('only', failure);
    await harness.status(taskUuid, 'waiting_for_dependencies');
    harness.nowMs += 10_000;
    await harness.run('only', failure);
    const task = await harness.status(taskUuid, 'blocked_by_failures');
    expect(task.steps[0]).toMatchObject({ state: 'error', attempts: 2 });
    expect((await harness.taskHistory(taskUuid)).slice(-2)).toEqual([
      'evaluating_results',
      'blocked_by_failures',
    ]);
  });

  it('for good blocks its task; a sibling finishes, later steps never run', async () => {
    await harness.worker.register('diamond', [
      { name: 'left' },
      { name: 'right' },
      { name: 'after', dependencies: ['right'] },
    ]);
    const { taskUuid } = await harness.submit('diamond');
    const claimed = [await harness.claimNext(), await harness.claimNext()];
    const [left, right] = ['left', 'right'].map((name) => claimed.find((step) => step.name === name));
    if (left === undefined || right === undefined) throw new Error('two steps expected');
    await harness.worker.complete(left, { failure: 'broken', retryable: false });
    await harness.status(taskUuid, 'blocked_by_failures');
    await harness.worker.complete(right, { value: 1 });
    const task = await harness.stepState(taskUuid, 'right', 'complete');
    expect(task.status).toBe('blocked_by_failures');
    expect(task.steps.find((step) => step.name === 'after')?.state).toBe('pending');
    expect(await harness.queueLength()).toBe(0);
  });

  it('without metadata.retryable is permanent, and a failed "success" is never retried', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const a = await harness.submit('single', { key: 'a' });
    const first = await harness.claimNext();
    await harness.worker.completeRaw(first, false, { step_uuid: first.stepUuid, success: false, result: {} });
    await harness.status(a.taskUuid, 'blocked_by_failures');
    const b = await harness.submit('single', { key: 'b' });
    const second = await harness.claimNext();
    await harness.worker.completeRaw(second, true, executionResult(second, failure));
    await harness.status(b.taskUuid, 'blocked_by_failures');
  });
});

describe('after a crash', () => {
  it('a result that arrived while no engine ran is processed at the next start', async () => {
    await harness.worker.register('line', [{ name: 'a' }, { name: 'b', dependencies: ['a'] }]);
    const { taskUuid } = await harness.submit('line');
    const a = await harness.claimNext();
    await harness.engine.stop();
    await harness.worker.complete(a, { value: 1 });
    await harness.restart();
    await harness.run('b');
    await harness.status(taskUuid, 'complete');
  });

  it('a retry that fell due meanwhile is enqueued', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const { taskUuid } = await harness.submit('single');
    await harness.run('only', { failure: 'busy', retryable: true });
    await harness.status(taskUuid, 'waiting_for_dependencies');
    await harness.engine.stop();
    harness.nowMs += 10_000;
    await harness.restart();
    await harness.run('only');
    await harness.status(taskUuid, 'complete');
  });

  it('the engine goes on when its connections were cut', async () => {
    await harness.worker.register('line', [{ name: 'a' }, { name: 'b', dependencies: ['a'] }]);
    const { taskUuid } = await harness.submit('line');
    const a = await harness.claimNext();
    await harness.client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await harness.worker.complete(a, { value: 1 });
    await harness.run('b');
    await harness.status(taskUuid, 'complete');
  });
});

describe('the result queue', () => {
  it('may say everything twice', async () => {
    await harness.worker.register('line', [{ name: 'a' }, { name: 'b', dependencies: ['a'] }]);
    const { taskUuid } = await harness.submit('line');
    const a = await harness.run('a');
    for (let i = 0; i < 5; i++) await harness.worker.nudge(a);
    await harness.resultsDrained();
    expect(await harness.queueLength()).toBe(1);
    const b = await harness.run('b');
    await harness.worker.nudge(b);
    await harness.status(taskUuid, 'complete');
    await harness.resultsDrained();
    expect((await harness.engine.task(taskUuid)).steps.map((step) => step.attempts)).toEqual([1, 1]);
  });

  it.each([
    ['is no claim check', { hello: 1 }],
    [
      'names a step that does not exist',
      {
        task_uuid: '01900000-0000-7000-8000-000000000000',
        step_uuid: '01900000-0000-7000-8000-000000000000',
        correlation_id: '01900000-0000-7000-8000-000000000000',
      },
    ],
  ])('leaves a message that %s where it is and serves the ones behind it', async (_case, message) => {
    await harness.worker.register('single', [{ name: 'only' }]);
    await harness.worker.send(message);
    const { taskUuid } = await harness.submit('single');
    await harness.run('only');
    await harness.status(taskUuid, 'complete');
    await harness.event('message_left');
    expect(await harness.queueLength('orchestration_step_results')).toBe(1);
  });
});

describe('submitting', () => {
  it('refuses a template that nobody registered', async () => {
    await expect(harness.submit('nothing')).rejects.toMatchObject({
      code: 'ERR_TEMPLATE_INVALID',
      message: expect.stringContaining('shop/nothing@1.0.0 is not registered'),
    });
  });

  it.each([
    ['a dependency that is no step', [{ name: 'a', dependencies: ['b'] }], /depends on "b"/],
    [
      'a cycle',
      [
        { name: 'a', dependencies: ['b'] },
        { name: 'b', dependencies: ['a'] },
      ],
      /cycle/,
    ],
    ['a name twice', [{ name: 'a' }, { name: 'a' }], /two steps are named "a"/],
    ['no step', [], /at least one step/],
    ['a decision without dependencies', [{ name: 'a', type: 'decision' }], /needs at least one dependency/],
  ])('refuses a template with %s', async (_case, steps, message) => {
    await harness.worker.register('broken', steps);
    await expect(harness.submit('broken')).rejects.toMatchObject({
      code: 'ERR_TEMPLATE_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a request that does not fit the columns', async () => {
    await harness.worker.register('single', [{ name: 'only' }]);
    const request = {
      namespace: 'shop',
      name: 'single',
      version: '1.0.0',
      context: {},
      initiator: 'i',
      sourceSystem: 's',
    };
    await expect(harness.engine.submit({ ...request, reason: 'r'.repeat(129) })).rejects.toMatchObject({
      code: 'ERR_INPUT_INVALID',
    });
  });
});
