import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StepError, StepResult } from '../../src/model/step-result.ts';
import type { ClaimedStep } from '../../src/queue/step-queue.ts';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture, moveStep, readStep, type StepOptions, type Task } from './fixture.ts';
import { createFlakyProxy } from './flaky-proxy.ts';

const RESULTS = 'orchestration_step_results';
const STARTED_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const success = (output: StepResult['output']): StepResult => ({
  success: true,
  output,
  error: null,
  handlerVersion: 'hello@1.2.3',
  startedAtMs: STARTED_MS,
  executionMs: 12.4,
  custom: { receipt: { fuel: 99 } },
});

const failure = (error: Partial<StepError>): StepResult => ({
  ...success({}),
  success: false,
  error: {
    code: 'ERR_HTTP_TIMEOUT',
    message: 'too slow',
    errorType: 'retryable_error',
    retryable: true,
    retryAfterMs: null,
    ...error,
  },
});

/** Transactions that this database has committed, by the server's own count. */
async function transactions(fixture: Fixture): Promise<number> {
  await fixture.query('SELECT pg_stat_force_next_flush()');
  const [row] = await fixture.query<{ count: string }>(
    'SELECT xact_commit AS count FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(row?.count);
}

describe('settling steps', () => {
  let fixture: Fixture;
  let queue: TaskerQueue;
  let task: Task;

  beforeAll(async () => {
    fixture = await createFixture();
    queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
  });

  afterAll(async () => {
    await queue.close();
    await fixture.close();
  });

  const claimOne = async (options: StepOptions & { readonly retry?: object } = {}): Promise<ClaimedStep> => {
    const { retry, ...stepOptions } = options;
    task = await fixture.createTask({
      steps: [{ name: 'greet', handler: { callable: 'hello' }, ...(retry && { retry }) }],
    });
    await task.addStep('greet', stepOptions);
    const [claimed] = await queue.claim(1);
    if (claimed === undefined) throw new Error('nothing claimed');
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [RESULTS]);
    return claimed;
  };

  it('stores a success in the words of Tasker and tells the orchestrator', async () => {
    const step = await claimOne();
    const { stepUuid } = step.invocation;
    expect(await queue.settle(step, success({ greeting: 'hi' }))).toMatchObject({ settlement: 'settled' });
    const row = await readStep(fixture, stepUuid);
    expect(row).toMatchObject({ state: 'enqueued_for_orchestration', in_process: false, attempts: 1 });
    expect(row.results).toEqual({
      step_uuid: stepUuid,
      success: true,
      result: { greeting: 'hi' },
      metadata: {
        execution_time_ms: 12,
        handler_version: 'hello@1.2.3',
        retryable: false,
        started_at: '2026-01-02T03:04:05.678Z',
        completed_at: '2026-01-02T03:04:05.690Z',
        worker_id: `worker_${queue.workerUuid}`,
        worker_hostname: expect.any(String),
        custom: { receipt: { fuel: 99 } },
        error_code: null,
        error_type: null,
        context: {},
      },
      status: 'completed',
      error: null,
      orchestration_metadata: null,
    });
    expect(await fixture.messages(RESULTS)).toEqual([
      { task_uuid: task.taskUuid, step_uuid: stepUuid, correlation_id: task.correlationId },
    ]);
    const event = JSON.parse(row.transition_metadata['event'] ?? '');
    expect(event).toMatchObject({
      type: 'EnqueueForOrchestration',
      success: true,
      metadata: { execution_time_ms: 12 },
    });
    expect(event.data).toEqual(row.results);
  });

  it('reports many steps that end together in one statement, each with its own message and announcement', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `many_${index}`);
    const many = await fixture.createTask({
      steps: names.map((name) => ({ name, handler: { callable: 'hello' } })),
    });
    for (const name of names) await many.addStep(name);
    const steps = await queue.claim(30);
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [RESULTS]);
    const announced: { msg_id: number; message: object }[] = [];
    const listener = await fixture.database.connect();
    listener.on('notification', ({ payload }) => announced.push(JSON.parse(payload ?? '{}')));
    await listener.query('LISTEN "pgmq_message_ready.orchestration"');
    const before = await transactions(fixture);
    const settled = await Promise.all(steps.map((step, index) => queue.settle(step, success(index))));
    expect(settled.every(({ settlement }) => settlement === 'settled')).toBe(true);
    expect((await transactions(fixture)) - before).toBeLessThan(names.length);
    const stored = await fixture.query<{ msg_id: string; message: object }>(
      `SELECT msg_id, message FROM pgmq.q_${RESULTS} ORDER BY msg_id`,
    );
    expect(stored).toHaveLength(names.length);
    await expect.poll(() => announced.length).toBe(names.length);
    expect(announced).toEqual(
      stored.map(({ msg_id, message }) => ({
        event_type: 'message_with_payload',
        msg_id: Number(msg_id),
        queue_name: RESULTS,
        namespace: 'orchestration',
        message,
        ready_at: expect.any(String),
        delay_seconds: 0,
      })),
    );
    await listener.end();
  });

  it('fails the one step of a batch whose output PostgreSQL refuses, and no other', async () => {
    const batch = await fixture.createTask({
      steps: ['good_1', 'bad', 'good_2'].map((name) => ({ name, handler: { callable: 'hello' } })),
    });
    for (const name of ['good_1', 'bad', 'good_2']) await batch.addStep(name);
    const steps = await queue.claim(3);
    // Stands for what passes every check of ours and the server refuses all the same.
    await fixture.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'untranslatable_character'; END $$`,
    );
    await fixture.query(
      `CREATE TRIGGER refuse BEFORE UPDATE ON workflow_steps FOR EACH ROW
         WHEN (NEW.results->>'result' = 'refuse me') EXECUTE FUNCTION refuse()`,
    );
    const settled = await Promise.all(
      steps.map((step) => queue.settle(step, success(step.invocation.stepName === 'bad' ? 'refuse me' : 1))),
    );
    await fixture.query('DROP TRIGGER refuse ON workflow_steps');
    expect(settled.map(({ refused }) => refused?.code ?? null)).toEqual([null, 'ERR_OUTPUT_INVALID', null]);
    for (const { invocation } of steps) {
      const { state } = await readStep(fixture, invocation.stepUuid);
      const bad = invocation.stepName === 'bad';
      expect(state).toBe(bad ? 'enqueued_as_error_for_orchestration' : 'enqueued_for_orchestration');
    }
  });

  it('gives an attempt back that we broke off', async () => {
    const step = await claimOne();
    const { stepUuid } = step.invocation;
    await queue.settle(step, { ...failure({ code: 'ERR_ABORTED', retryAfterMs: 0 }), uncounted: true });
    const row = await readStep(fixture, stepUuid);
    expect(row).toMatchObject({ state: 'enqueued_as_error_for_orchestration', attempts: 0 });
    expect(row.results?.orchestration_metadata?.headers).toEqual({ 'retry-after': '0' });
  });

  it('fills the audit row that Tasker writes from the transition', async () => {
    const step = await claimOne();
    await queue.settle(step, failure({}));
    const audit = await fixture.query(
      `SELECT worker_uuid, correlation_id, success, execution_time_ms::int FROM workflow_step_result_audit WHERE workflow_step_uuid = $1`,
      [step.invocation.stepUuid],
    );
    expect(audit).toEqual([
      {
        worker_uuid: queue.workerUuid,
        correlation_id: task.correlationId,
        success: false,
        execution_time_ms: 12,
      },
    ]);
  });

  it.each([
    ['its own retry-after', { retryAfterMs: 6200 }, {}, { 'retry-after': '7' }],
    ['the backoff of the template', {}, { backoff: 'linear', backoff_base_ms: 4000 }, { 'retry-after': '4' }],
    ['nothing, where Tasker has to choose', {}, {}, {}],
  ])('makes Tasker retry a retryable failure, with %s', async (_what, error, retry, headers) => {
    const step = await claimOne({ retry });
    expect(await queue.settle(step, failure(error))).toMatchObject({ settlement: 'settled' });
    const { state, results } = await readStep(fixture, step.invocation.stepUuid);
    expect(state).toBe('enqueued_as_error_for_orchestration');
    expect(results).toMatchObject({
      success: false,
      result: {},
      status: 'failed',
      metadata: { retryable: true, error_code: 'ERR_HTTP_TIMEOUT', error_type: 'retryable_error' },
      error: { message: 'too slow', error_type: 'retryable_error', retryable: true },
    });
    expect(results?.orchestration_metadata).toEqual({
      headers,
      error_context: null,
      backoff_hint: null,
      custom: {},
    });
  });

  it('reports a failure as permanent where the step itself may not be retried', async () => {
    const step = await claimOne({ retryable: false });
    await queue.settle(step, failure({ retryAfterMs: 1000 }));
    const { results } = await readStep(fixture, step.invocation.stepUuid);
    expect(results).toMatchObject({
      metadata: { retryable: false },
      error: { retryable: false },
      orchestration_metadata: { headers: {} },
    });
  });

  it.each(['cancelled', 'resolved_manually', 'complete'])(
    'drops the result of a step that is %s',
    async (state) => {
      const step = await claimOne();
      await moveStep(fixture, step.invocation.stepUuid, state);
      expect(await queue.settle(step, success({ late: true }))).toMatchObject({ settlement: 'lost' });
      expect(await readStep(fixture, step.invocation.stepUuid)).toMatchObject({ state, results: null });
      expect(await fixture.messages(RESULTS)).toEqual([]);
    },
  );

  it('settles once: a second result of the same attempt is dropped', async () => {
    const step = await claimOne();
    expect(await queue.settle(step, success(1))).toMatchObject({ settlement: 'settled' });
    expect(await queue.settle(step, success(2))).toMatchObject({ settlement: 'lost' });
    expect((await readStep(fixture, step.invocation.stepUuid)).results?.result).toBe(1);
    expect(await fixture.messages(RESULTS)).toHaveLength(1);
  });

  it('drops the result of an attempt when the next one is already running', async () => {
    const first = await claimOne();
    const { stepUuid } = first.invocation;
    await moveStep(fixture, stepUuid, 'enqueued');
    await fixture.query(`SELECT pgmq.send($1, $2::jsonb)`, [
      fixture.queue,
      JSON.stringify({ task_uuid: task.taskUuid, step_uuid: stepUuid, correlation_id: task.correlationId }),
    ]);
    const [second] = await queue.claim(1);
    expect(second?.invocation.attempt).toBe(2);
    expect(await queue.settle(first, success('stale'))).toMatchObject({ settlement: 'lost' });
    expect(second && (await queue.settle(second, success('fresh')))).toMatchObject({ settlement: 'settled' });
    expect((await readStep(fixture, stepUuid)).results?.result).toBe('fresh');
  });

  const nested = (levels: number): StepResult['output'] => {
    let value: StepResult['output'] = 1;
    for (let level = 0; level < levels; level++) value = [value];
    return value;
  };

  it.each([
    ['U+0000', 'a\u0000b', 'U+0000'],
    ['a lone surrogate', { deep: ['\ud800'] }, 'lone surrogate'],
    ['an unstorable key', { '\u0000': 1 }, 'a key'],
    ['nesting beyond 512 levels', nested(513), '512'],
    ['nesting beyond the stack', nested(200_000), '512'],
    ['a number that is not finite', [Number.POSITIVE_INFINITY], 'finite'],
  ])('fails a step for good when its output has %s', async (_what, output, reason) => {
    const step = await claimOne();
    expect(await queue.settle(step, success(output))).toMatchObject({ settlement: 'settled' });
    const { state, results } = await readStep(fixture, step.invocation.stepUuid);
    expect(state).toBe('enqueued_as_error_for_orchestration');
    expect(results).toMatchObject({
      success: false,
      metadata: { retryable: false, error_code: 'ERR_OUTPUT_INVALID', custom: { receipt: { fuel: 99 } } },
      error: { message: expect.stringContaining(reason), retryable: false },
    });
    expect(await fixture.messages(RESULTS)).toHaveLength(1);
  });

  it('stores output at the edge of what PostgreSQL takes', async () => {
    const output = {
      deep: nested(510),
      text: '\u{1F600}\u0001\uFFFF"\\',
      big: 1.7e308,
      small: 5e-324,
      zero: -0,
    };
    const step = await claimOne();
    expect(await queue.settle(step, success(output))).toMatchObject({ settlement: 'settled' });
    const row = await readStep(fixture, step.invocation.stepUuid);
    expect(row.state).toBe('enqueued_for_orchestration');
    expect(row.results?.result).toEqual({ ...output, zero: 0 });
  });

  it('keeps a failure whose message cannot be stored, with the characters replaced', async () => {
    const step = await claimOne();
    const broken = failure({ message: `a\u0000b\ud800${'x'.repeat(10_000)}`, code: 'c\u0000' });
    expect(await queue.settle(step, { ...broken, custom: { note: '\ud800' } })).toMatchObject({
      settlement: 'settled',
    });
    const { results } = await readStep(fixture, step.invocation.stepUuid);
    expect(results?.error?.['message']).toBe(`a\uFFFDb\uFFFD${'x'.repeat(4092)}`);
    expect(results?.metadata).toMatchObject({ error_code: 'c\uFFFD', custom: { note: '\uFFFD' } });
  });
});

describe('settling over a connection that breaks', () => {
  it('settles once although the answer to the completion is lost', async () => {
    const fixture = await createFixture();
    const proxy = await createFlakyProxy(fixture.url);
    const queue = await createTaskerQueue({ databaseUrl: proxy.url, namespace: fixture.namespace });
    const task = await fixture.createTask();
    const stepUuid = await task.addStep('greet');
    const [step] = await queue.claim(1);
    proxy.loseAnswerTo('in_process = false');
    expect(step && (await queue.settle(step, success('once')))).toMatchObject({ settlement: 'settled' });
    expect((await readStep(fixture, stepUuid)).results?.result).toBe('once');
    expect(await fixture.messages(RESULTS)).toHaveLength(1);
    await queue.close();
    await proxy.close();
    await fixture.close();
  });

  it('hands out a claimed step although the answer to the claim is lost', async () => {
    const fixture = await createFixture();
    const proxy = await createFlakyProxy(fixture.url);
    const problems: string[] = [];
    const queue = await createTaskerQueue({
      databaseUrl: proxy.url,
      namespace: fixture.namespace,
      onError: ({ code }) => problems.push(code),
    });
    const task = await fixture.createTask();
    const stepUuid = await task.addStep('greet');
    proxy.loseAnswerTo('in_process = true');
    expect(await queue.claim(1)).toEqual([]);
    expect(problems).toEqual(['ERR_DATABASE_UNAVAILABLE']);
    expect(await readStep(fixture, stepUuid)).toMatchObject({ state: 'in_progress', attempts: 1 });
    const [step] = await queue.claim(1);
    expect(step?.invocation).toMatchObject({ stepUuid, attempt: 1 });
    expect(await queue.claim(1)).toEqual([]);
    await queue.close();
    await proxy.close();
    await fixture.close();
  });

  it('hands out a claimed step although loading it fails at first', async () => {
    const fixture = await createFixture();
    const proxy = await createFlakyProxy(fixture.url);
    const queue = await createTaskerQueue({ databaseUrl: proxy.url, namespace: fixture.namespace });
    const task = await fixture.createTask();
    const stepUuid = await task.addStep('greet');
    proxy.loseAnswerTo('jsonb_path_query_first');
    expect(await queue.claim(1)).toEqual([]);
    const [step] = await queue.claim(1);
    expect(step?.invocation).toMatchObject({ stepUuid, attempt: 1 });
    await queue.close();
    await proxy.close();
    await fixture.close();
  });
});

describe('a step whose template has no such step', () => {
  it('is settled by the queue and never handed out', async () => {
    const fixture = await createFixture();
    const problems: string[] = [];
    const queue = await createTaskerQueue({
      databaseUrl: fixture.url,
      namespace: fixture.namespace,
      onError: ({ code, message }) => problems.push(`${code}: ${message}`),
    });
    const task = await fixture.createTask();
    const missing = await task.addStep('no_such_step');
    const fine = await task.addStep('greet');
    const claimed = await queue.claim(10);
    expect(claimed.map(({ invocation }) => invocation.stepUuid)).toEqual([fine]);
    expect(await readStep(fixture, missing)).toMatchObject({
      state: 'enqueued_as_error_for_orchestration',
      results: {
        status: 'failed',
        metadata: { retryable: false, error_type: 'handler_not_found', error_code: 'ERR_TEMPLATE_INVALID' },
      },
    });
    expect(await fixture.messages(RESULTS)).toMatchObject([{ step_uuid: missing }]);
    expect(problems).toEqual([expect.stringContaining('has no step no_such_step')]);
    await queue.close();
    await fixture.close();
  });
});
