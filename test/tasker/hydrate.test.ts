import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hydrateSteps } from '../../src/tasker/hydrate.ts';
import { LOAD_DEPENDENCIES } from '../../src/tasker/sql/hydrate.ts';
import { createFixture, type Fixture } from './fixture.ts';

const step = (name: string, more: object = {}) => ({
  name,
  handler: { callable: 'transform@1.0.0' },
  ...more,
});

describe('hydrating steps', () => {
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await createFixture();
  });

  afterAll(() => fixture.close());

  const hydrateOne = async (stepUuid: string) => {
    const { steps, unusable } = await hydrateSteps(fixture.database.pool, [stepUuid]);
    expect(unusable).toEqual([]);
    const [hydrated] = steps;
    if (hydrated === undefined) throw new Error('not hydrated');
    return hydrated.invocation;
  };

  it('describes the step in terms of its task, its row and its template', async () => {
    const task = await fixture.createTask({
      context: { order: 7 },
      steps: [
        step('h_plain', {
          type: 'decision',
          dependencies: ['h_first'],
          timeout_seconds: 12,
          result_schema: { type: 'object' },
          retry: { backoff: 'linear', backoff_base_ms: 300, max_backoff_ms: 5000 },
          handler: { callable: 'decide@2', initialization: { rules: [1] } },
        }),
        step('h_first'),
      ],
    });
    const stepUuid = await task.addStep('h_plain', { message: false });
    expect(await hydrateOne(stepUuid)).toEqual({
      taskUuid: task.taskUuid,
      stepUuid,
      correlationId: task.correlationId,
      namespace: 'wasm_test',
      taskName: 'task_1',
      taskVersion: '1.0.0',
      stepName: 'h_plain',
      templateStepName: 'h_plain',
      stepType: 'decision',
      callable: 'decide@2',
      attempt: 1,
      maxAttempts: 3,
      initialization: { rules: [1] },
      resultSchema: { type: 'object' },
      timeoutMs: 12_000,
      retry: { backoff: 'linear', backoffBaseMs: 300, maxBackoffMs: 5000 },
      context: { order: 7 },
      batch: null,
      checkpoint: null,
      dependencies: {},
    });
  });

  it('gives a step at most 25 minutes, since Tasker gives up its task after 30', async () => {
    const task = await fixture.createTask({
      steps: [step('h_endless', { timeout_seconds: 100_000 }), step('h_untimed')],
    });
    for (const name of ['h_endless', 'h_untimed']) {
      const stepUuid = await task.addStep(name, { message: false });
      expect(await hydrateOne(stepUuid)).toMatchObject({ timeoutMs: 25 * 60_000 });
    }
  });

  it("prefers the step's own inputs to the template's initialization and drops what Tasker added", async () => {
    const task = await fixture.createTask({
      steps: [
        step('h_standard', { handler: { callable: 'x', initialization: { a: 1 } } }),
        step('h_worker', { type: 'batch_worker', handler: { callable: 'x', initialization: { a: 1 } } }),
      ],
    });
    const own = await task.addStep('h_standard', { message: false, inputs: { a: 2, cursor: 'kept' } });
    expect((await hydrateOne(own)).initialization).toEqual({ a: 2, cursor: 'kept' });
    const worker = await task.addStep('h_worker_001', {
      message: false,
      inputs: {
        __template_step_name: 'h_worker',
        a: 3,
        cursor: { batch_id: '001', start_cursor: 0 },
        batch_metadata: {},
        is_no_op: false,
      },
    });
    expect(await hydrateOne(worker)).toMatchObject({
      stepName: 'h_worker_001',
      templateStepName: 'h_worker',
      stepType: 'batch_worker',
      initialization: { a: 3 },
      batch: { batch_id: '001', start_cursor: 0, end_cursor: null, batch_size: null, is_no_op: false },
    });
  });

  it('loads the results of the steps that the configuration refers to, and of no others', async () => {
    const task = await fixture.createTask({
      steps: [
        step('d_far'),
        step('d_near', { dependencies: ['d_far'] }),
        step('d_unused', { dependencies: ['d_far'] }),
        step('d_beside'),
        step('d_user', {
          dependencies: ['d_near', 'd_unused'],
          handler: {
            callable: 'x',
            initialization: {
              near: `\${steps.d_near.result.total}`,
              text: `from \${steps.d_far.result} and \${steps.d_beside.result} and \${steps.d_failed.result}`,
            },
          },
        }),
      ],
    });
    const far = await task.addStep('d_far', { result: [1, null] });
    const near = await task.addStep('d_near', { result: { total: 3 }, after: [far] });
    const unused = await task.addStep('d_unused', { result: 'secret', after: [far] });
    await task.addStep('d_beside', { result: 'not upstream' });
    const failed = await task.addStep('d_failed', { state: 'resolved_manually' });
    const user = await task.addStep('d_user', { message: false, after: [near, unused, failed] });
    expect((await hydrateOne(user)).dependencies).toEqual({ d_near: { total: 3 }, d_far: [1, null] });
  });

  it('reads one row per referenced step where paths are many and in a circle', async () => {
    const task = await fixture.createTask();
    // 24 layers of two steps, each depending on both of the layer before: 2^24 paths.
    const uuids = (await fixture.query<{ first: string[] }>(
      `WITH RECURSIVE layer AS (SELECT generate_series(0, 23) AS n),
       names AS (INSERT INTO named_steps (name, created_at, updated_at)
                 SELECT 'lattice_' || n || '_' || s, NOW(), NOW() FROM layer, generate_series(0, 1) s
                 RETURNING named_step_uuid, name),
       rows AS (INSERT INTO workflow_steps (task_uuid, named_step_uuid, processed, results, created_at, updated_at)
                SELECT $1::uuid, named_step_uuid, true, jsonb_build_object('result', name), NOW(), NOW() FROM names
                RETURNING workflow_step_uuid, named_step_uuid)
       SELECT array_agg(workflow_step_uuid::text ORDER BY split_part(name, '_', 2)::int) AS first
         FROM rows JOIN names USING (named_step_uuid)`,
      [task.taskUuid],
    )) as { first: string[] }[];
    const layers = uuids[0]?.first ?? [];
    await fixture.query(
      `INSERT INTO workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
       SELECT f.id, t.id, 'provides', NOW(), NOW()
         FROM unnest($1::uuid[]) WITH ORDINALITY f(id, at), unnest($1::uuid[]) WITH ORDINALITY t(id, at)
        WHERE (t.at - 1) / 2 = (f.at - 1) / 2 + 1 OR (f.at = 48 AND t.at = 1)`,
      [layers],
    );
    const last = layers.at(-1);
    const { rows } = await fixture.database.pool.query(LOAD_DEPENDENCIES, [
      [last, last],
      ['lattice_0_0', 'lattice_22_1'],
    ]);
    expect(rows.map(({ name, result }) => [name, result]).sort()).toEqual([
      ['lattice_0_0', 'lattice_0_0'],
      ['lattice_22_1', 'lattice_22_1'],
    ]);
  });

  it('hydrates a batch of steps of different tasks at once', async () => {
    const one = await fixture.createTask({ context: { n: 1 } });
    const two = await fixture.createTask({ context: { n: 2 } });
    const ids = [
      await one.addStep('greet', { message: false }),
      await two.addStep('greet', { message: false }),
    ];
    const { steps } = await hydrateSteps(fixture.database.pool, ids);
    expect(steps.map(({ invocation }) => invocation.context['n']).sort()).toEqual([1, 2]);
  });

  it('tells apart why a step cannot run, without failing the others of its batch', async () => {
    const task = await fixture.createTask();
    const broken = await fixture.createTask();
    const shapeless = await fixture.createTask();
    const ids = {
      fine: await task.addStep('greet', { message: false }),
      missing: await task.addStep('h_absent', { message: false }),
      inputs: await shapeless.addStep('greet', { message: false, inputs: [1] }),
      broken: await broken.addStep('greet', { message: false }),
    };
    await fixture.query(
      `UPDATE named_tasks SET configuration = '{"steps": [{"name": "greet", "handler": {}}]}'
        WHERE named_task_uuid = (SELECT named_task_uuid FROM tasks WHERE task_uuid = $1::uuid)`,
      [broken.taskUuid],
    );
    const { steps, unusable } = await hydrateSteps(fixture.database.pool, Object.values(ids));
    expect(steps.map(({ invocation }) => invocation.stepUuid)).toEqual([ids.fine]);
    const reasons = new Map(unusable.map(({ stepUuid, error }) => [stepUuid, error]));
    expect(reasons.get(ids.missing)).toMatchObject({
      code: 'ERR_TEMPLATE_INVALID',
      errorType: 'handler_not_found',
      retryable: false,
      message: expect.stringMatching(/^template wasm_test\/task_\d+ 1\.0\.0 has no step h_absent/),
    });
    expect(reasons.get(ids.broken)?.message).toContain('callable');
    expect(reasons.get(ids.inputs)?.message).toContain('to be an object');
    expect(reasons.size).toBe(3);
  });
});
