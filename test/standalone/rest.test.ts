import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RestServer, startRestServer } from '../../src/standalone/index.ts';
import { EngineHarness } from './support/engine-harness.ts';
import { executionResult } from './support/sql-worker.ts';

let harness: EngineHarness;
let server: RestServer;
beforeEach(async () => {
  harness = await EngineHarness.open();
  server = await startRestServer({ databaseUrl: harness.database.url, port: 0, now: () => harness.nowMs });
});
afterEach(async () => {
  await server.close();
  await harness.close();
});

interface Answer {
  readonly status: number;
  readonly type: string | null;
  /** Parsed when it is JSON, otherwise text. */
  readonly body: unknown;
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    ...(body !== undefined && {
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  });
  const type = response.headers.get('content-type');
  const text = await response.text();
  return {
    status: response.status,
    type,
    body: type?.includes('application/json') === true ? JSON.parse(text) : text,
  };
}

const request = (over: Readonly<Record<string, unknown>> = {}) => ({
  name: 'line',
  namespace: 'shop',
  version: '1.0.0',
  context: { order: 1 },
  initiator: 'test',
  source_system: 'vitest',
  reason: 'test',
  ...over,
});

const STEPS = [{ name: 'fetch' }, { name: 'store', dependencies: ['fetch'] }];
const MISSING = '01900000-0000-7000-8000-000000000000';

interface TaskBody {
  readonly task_uuid: string;
  readonly steps: readonly { readonly workflow_step_uuid: string; readonly name: string }[];
}

async function post(over?: Readonly<Record<string, unknown>>): Promise<TaskBody> {
  await harness.worker.register('line', STEPS);
  const { status, body } = await call('POST', '/v1/tasks', request(over));
  expect(status).toBe(200);
  return body as TaskBody;
}

const stepOf = (task: TaskBody, name: string): string =>
  task.steps.find((step) => step.name === name)?.workflow_step_uuid ?? '';

describe('POST /v1/tasks', () => {
  it('answers 200 with the task, whose first steps are enqueued', async () => {
    const task = await post({ tags: ['a'], priority: 5 });
    expect(task).toMatchObject({
      name: 'line',
      namespace: 'shop',
      version: '1.0.0',
      status: 'steps_in_process',
      completed_at: null,
      context: { order: 1 },
      initiator: 'test',
      source_system: 'vitest',
      reason: 'test',
      priority: 5,
      tags: ['a'],
      parent_correlation_id: null,
      total_steps: 2,
      pending_steps: 1,
      in_progress_steps: 0,
      completed_steps: 0,
      failed_steps: 0,
      ready_steps: 0,
      execution_status: 'processing',
      recommended_action: 'wait_for_completion',
      completion_percentage: 0,
      health_status: 'healthy',
    });
    expect(Object.keys(task)).toHaveLength(27);
    expect(task.steps.map((step) => Object.keys(step).length)).toEqual([16, 16]);
    expect(task).toHaveProperty('created_at', expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/));
    expect((await harness.claimNext()).name).toBe('fetch');
  });

  it('answers 409 for the same context, also with another idempotency key, as Tasker 0.1.8 does', async () => {
    await post({ context: { b: 1, a: 2 } });
    const again = await call('POST', '/v1/tasks', request({ context: { a: 2, b: 1 }, idempotency_key: 'k' }));
    expect(again).toMatchObject({
      status: 409,
      body: { error: { code: 'CONFLICT', message: 'A task with this identity already exists' } },
    });
    expect((await call('POST', '/v1/tasks', request({ context: { a: 3 } }))).status).toBe(200);
  });

  it('drops from the context what Tasker drops', async () => {
    const task = await post({ context: { online: 1, order: { Script: 1, text: '<script>x</script>' } } });
    expect(task).toMatchObject({ context: { order: { text: '&lt;script&gt;x&lt;/script&gt;' } } });
    expect(task).not.toHaveProperty('context.online');
    expect(task).not.toHaveProperty('context.order.Script');
  });

  it.each(['name', 'namespace', 'version', 'context', 'initiator', 'source_system', 'reason'])(
    'answers 422 in plain text without %s',
    async (field) => {
      const answer = await call('POST', '/v1/tasks', request({ [field]: undefined }));
      expect(answer.status).toBe(422);
      expect(answer.type).toMatch(/^text\/plain/);
      expect(answer.body).toBe(
        `Failed to deserialize the JSON body into the target type: missing field \`${field}\``,
      );
    },
  );

  it('answers a template that nobody registered with 404', async () => {
    expect(await call('POST', '/v1/tasks', request({ name: 'nothing' }))).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', message: expect.stringMatching(/^Task template not found: /) } },
    });
  });

  it.each([
    ['an empty name', { name: '' }, 400, 'BAD_REQUEST', 'Task name cannot be empty'],
    ['a context that is no object', { context: [1] }, 500, 'DATABASE_ERROR', 'Database operation failed'],
    ['a reason longer than its column', { reason: 'r'.repeat(129) }, 500, 'DATABASE_ERROR', /operation/],
  ])('answers %s with an error of Tasker', async (_case, over, status, code, message) => {
    await harness.worker.register('line', STEPS);
    const answer = await call('POST', '/v1/tasks', request(over));
    expect(answer).toMatchObject({
      status,
      body: { error: { code, message: expect.stringMatching(message) } },
    });
  });

  it('answers a body that is no JSON with 400, and one of another type with 415', async () => {
    expect(await call('POST', '/v1/tasks', '{')).toMatchObject({
      status: 400,
      body: expect.stringMatching(/^Failed to parse the request body as JSON/),
    });
    const response = await fetch(`${server.url}/v1/tasks`, { method: 'POST', body: 'x' });
    expect(response.status).toBe(415);
  });
});

describe('GET /v1/tasks', () => {
  it('lists the newest first, page by page, without steps and with a status of two words', async () => {
    const first = await post({ context: { n: 1 } });
    const second = await post({ context: { n: 2 }, initiator: 'other' });
    const page = await call('GET', '/v1/tasks?per_page=1');
    expect(page).toMatchObject({
      status: 200,
      body: {
        tasks: [{ task_uuid: second.task_uuid, status: 'pending', total_steps: 2, steps: [] }],
        pagination: {
          page: 1,
          per_page: 1,
          total_count: 2,
          total_pages: 2,
          has_next: true,
          has_previous: false,
        },
      },
    });
    expect(await call('GET', '/v1/tasks?per_page=1&page=2')).toMatchObject({
      body: { tasks: [{ task_uuid: first.task_uuid }], pagination: { has_next: false, has_previous: true } },
    });
    expect(await call('GET', '/v1/tasks?initiator=other&namespace=shop&status=pending')).toMatchObject({
      body: { tasks: [{ task_uuid: second.task_uuid }], pagination: { total_count: 1 } },
    });
    expect(await call('GET', '/v1/tasks?status=completed')).toMatchObject({ body: { tasks: [] } });
  });

  it.each([
    ['per_page=0', 400, 'per_page must be between 1 and 100'],
    ['per_page=101', 400, 'per_page must be between 1 and 100'],
    ['page=0', 400, 'page must be >= 1'],
    ['status=complete', 500, 'Database operation failed'],
  ])('answers ?%s with %i', async (query, status, message) => {
    expect(await call('GET', `/v1/tasks?${query}`)).toMatchObject({ status, body: { error: { message } } });
  });

  it('answers a page that is no number with 400 in plain text', async () => {
    expect(await call('GET', '/v1/tasks?page=x')).toMatchObject({
      status: 400,
      body: expect.stringMatching(/^Failed to deserialize query string/),
    });
  });
});

describe('GET and DELETE /v1/tasks/{uuid}', () => {
  it('follows a task to its end', async () => {
    const { task_uuid } = await post();
    await harness.run('fetch');
    await harness.run('store');
    await harness.status(task_uuid, 'complete');
    expect(await call('GET', `/v1/tasks/${task_uuid}`)).toMatchObject({
      status: 200,
      body: {
        status: 'complete',
        completed_at: null,
        completed_steps: 2,
        completion_percentage: 100,
        execution_status: 'all_complete',
        recommended_action: 'finalize_task',
      },
    });
  });

  it.each(['GET', 'DELETE'])('%s answers an unknown and a malformed uuid', async (method) => {
    expect(await call(method, `/v1/tasks/${MISSING}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', message: 'Resource not found' } },
    });
    expect(await call(method, '/v1/tasks/x')).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_UUID', message: 'x' } },
    });
  });

  it('cancels a task with its steps, once', async () => {
    const { task_uuid } = await post();
    expect(await call('DELETE', `/v1/tasks/${task_uuid}`)).toMatchObject({
      status: 200,
      body: { status: 'cancelled', steps: [{ current_state: 'cancelled' }, { current_state: 'cancelled' }] },
    });
    expect(await call('DELETE', `/v1/tasks/${task_uuid}`)).toMatchObject({
      status: 400,
      body: { error: { code: 'BAD_REQUEST', message: 'Cannot cancel a completed task' } },
    });
  });
});

describe('the steps of a task', () => {
  it('are listed with state, parents and the whole result', async () => {
    const { task_uuid } = await post();
    await harness.run('fetch', { value: { rows: 3 } });
    await harness.stepState(task_uuid, 'store', 'enqueued');
    const { status, body } = await call('GET', `/v1/tasks/${task_uuid}/workflow_steps`);
    expect(status).toBe(200);
    expect(body).toMatchObject([
      {
        task_uuid,
        name: 'fetch',
        current_state: 'complete',
        completed_at: expect.stringMatching(/Z$/),
        results: { success: true, result: { rows: 3 } },
        attempts: 1,
        max_attempts: 3,
        total_parents: 0,
        last_failure_at: null,
        next_retry_at: null,
      },
      {
        name: 'store',
        current_state: 'enqueued',
        completed_at: null,
        results: null,
        dependencies_satisfied: true,
        retry_eligible: true,
        ready_for_execution: false,
        total_parents: 1,
        completed_parents: 1,
        last_attempted_at: null,
      },
    ]);
    expect((body as object[]).map((step) => Object.keys(step).length)).toEqual([18, 18]);
    expect(await call('GET', `/v1/tasks/${MISSING}/workflow_steps`)).toMatchObject({ status: 200, body: [] });
  });

  it('are shown one by one, where Tasker does not look at parents', async () => {
    const task = await post();
    await harness.run('fetch');
    await harness.stepState(task.task_uuid, 'store', 'enqueued');
    const path = `/v1/tasks/${task.task_uuid}/workflow_steps`;
    expect(await call('GET', `${path}/${stepOf(task, 'store')}`)).toMatchObject({
      status: 200,
      body: { name: 'store', total_parents: 1, completed_parents: 0, dependencies_satisfied: false },
    });
    expect(await call('GET', `${path}/${MISSING}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', message: 'Resource not found' } },
    });
    expect(await call('GET', `${path}/x`)).toMatchObject({
      status: 400,
      body: { error: { code: 'BAD_REQUEST', message: 'Invalid step UUID format' } },
    });
    const other = await post({ context: { other: true } });
    expect(
      await call('GET', `/v1/tasks/${other.task_uuid}/workflow_steps/${stepOf(task, 'store')}`),
    ).toMatchObject({
      status: 404,
      body: { error: { message: 'Step does not belong to the specified task' } },
    });
  });

  it('have an audit trail of what workers reported', async () => {
    const task = await post();
    const step = await harness.run('fetch', { value: 1 });
    await harness.stepState(task.task_uuid, 'fetch', 'complete');
    const { body } = await call('GET', `/v1/tasks/${task.task_uuid}/workflow_steps/${step.stepUuid}/audit`);
    expect(body).toEqual([
      {
        audit_uuid: expect.any(String),
        workflow_step_uuid: step.stepUuid,
        transition_uuid: expect.any(String),
        task_uuid: task.task_uuid,
        recorded_at: expect.stringMatching(/Z$/),
        worker_uuid: harness.worker.workerUuid,
        success: true,
        result: { type: 'x', data: { ...executionResult(step, { value: 1 }), metadata: expect.any(Object) } },
        step_name: 'fetch',
        from_state: 'in_progress',
        to_state: 'enqueued_for_orchestration',
      },
    ]);
  });
});

describe('PATCH /v1/tasks/{uuid}/workflow_steps/{step_uuid}', () => {
  const act = (task: TaskBody, name: string, body: unknown) =>
    call('PATCH', `/v1/tasks/${task.task_uuid}/workflow_steps/${stepOf(task, name)}`, body);

  it('resolves a step by hand, in any state; the task is not looked at', async () => {
    const task = await post();
    const action = { action_type: 'resolve_manually', reason: 'done', resolved_by: 'me' };
    expect(await act(task, 'fetch', action)).toMatchObject({
      status: 200,
      body: { current_state: 'resolved_manually', results: null, completed_at: expect.any(String) },
    });
    await harness.idleRound();
    expect((await harness.engine.task(task.task_uuid)).status).toBe('steps_in_process');
  });

  it('completes a step by hand with a result for its dependents', async () => {
    const task = await post();
    const action = {
      action_type: 'complete_manually',
      completion_data: { result: { rows: 1 }, metadata: { ticket: 7 } },
      reason: 'known',
      completed_by: 'me',
    };
    expect(await act(task, 'fetch', action)).toMatchObject({
      status: 200,
      body: {
        current_state: 'complete',
        results: {
          success: true,
          status: 'completed',
          result: { rows: 1 },
          metadata: {
            custom: { ticket: 7, manually_completed: true, completed_by: 'me', completion_reason: 'known' },
          },
        },
      },
    });
  });

  it('resets only a failed step', async () => {
    const task = await post();
    const action = { action_type: 'reset_for_retry', reason: 'again', reset_by: 'me' };
    expect(await act(task, 'fetch', action)).toMatchObject({
      status: 400,
      body: {
        error: {
          code: 'BAD_REQUEST',
          message: 'Cannot manually resolve step: invalid transition from enqueued to ResetForRetry',
        },
      },
    });
    await harness.run('fetch', { failure: 'no', retryable: false });
    await harness.status(task.task_uuid, 'blocked_by_failures');
    expect(await act(task, 'fetch', action)).toMatchObject({
      status: 200,
      body: { current_state: 'pending', attempts: 1 },
    });
  });

  it('answers an unknown action with 422', async () => {
    const task = await post();
    expect((await act(task, 'fetch', { action_type: 'explode' })).status).toBe(422);
  });
});

describe('the rest of the API', () => {
  it('lists templates by namespace, and shows one without its configuration', async () => {
    await harness.worker.register('line', STEPS);
    await harness.worker.register('line', STEPS, '2.0.0');
    expect(await call('GET', '/v1/templates?namespace=shop')).toMatchObject({
      status: 200,
      body: {
        namespaces: [{ name: 'shop', description: null, template_count: 2 }],
        templates: [
          { name: 'line', namespace: 'shop', version: '1.0.0', description: null, step_count: 2 },
          { version: '2.0.0' },
        ],
        total_count: 2,
      },
    });
    expect(await call('GET', '/v1/templates/shop/line/2.0.0')).toMatchObject({
      status: 200,
      body: {
        configuration: null,
        steps: [{ name: 'fetch', default_retryable: true, default_max_attempts: 3 }, { name: 'store' }],
      },
    });
    expect(await call('GET', '/v1/templates/shop/line/3')).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', message: 'Template not found: shop/line/3' } },
    });
  });

  it('says that it is healthy, ready, and which Tasker it stands for', async () => {
    expect(await call('GET', '/health')).toMatchObject({ status: 200, body: { status: 'healthy' } });
    expect(await call('GET', '/health/ready')).toMatchObject({
      status: 200,
      body: { status: 'ready', checks: { web_database: { status: 'healthy' } }, info: { version: '0.1.8' } },
    });
    expect(await call('GET', '/config')).toMatchObject({
      status: 200,
      body: { metadata: { version: '0.1.8' }, messaging: { backend: 'pgmq' } },
    });
  });

  it('answers an unknown path with an empty 404', async () => {
    expect(await call('GET', '/v1/nothing')).toMatchObject({ status: 404, body: '' });
  });

  it('refuses a port that is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(startRestServer({ databaseUrl: harness.database.url, port })).rejects.toMatchObject({
      code: 'ERR_ALREADY_RUNNING',
    });
  });
});
