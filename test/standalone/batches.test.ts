import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/model/json.ts';
import { EngineHarness } from './support/engine-harness.ts';
import type { StepDefinition } from './support/sql-worker.ts';

let harness: EngineHarness;
beforeEach(async () => {
  harness = await EngineHarness.open();
});
afterEach(async () => {
  await harness.close();
});

const BATCH_CONFIG = { batch_size: 2, parallelism: 1, cursor_field: 'id', worker_template: 'work' };
const STEPS: readonly StepDefinition[] = [
  { name: 'split', type: 'batchable', initialization: { worker_template_name: 'work' } },
  {
    name: 'work',
    type: 'batch_worker',
    dependencies: ['split'],
    initialization: { mode: 'fast' },
    batch_config: BATCH_CONFIG,
  },
  { name: 'join', type: 'deferred_convergence', dependencies: ['work'] },
];

const cursor = (id: string, from: JsonValue, to: JsonValue) => ({
  batch_id: id,
  start_cursor: from,
  end_cursor: to,
  batch_size: 2,
});
const batches = (...cursor_configs: readonly JsonObject[]) => ({
  value: {
    batch_processing_outcome: {
      type: 'create_batches',
      worker_template_name: 'work',
      worker_count: cursor_configs.length,
      cursor_configs: [...cursor_configs],
      total_items: 4,
    },
  },
});
const NO_BATCHES = { value: { batch_processing_outcome: { type: 'no_batches' } } };

async function split(report: { readonly value: JsonValue }, steps = STEPS): Promise<string> {
  await harness.worker.register('batch', steps);
  const { taskUuid } = await harness.submit('batch');
  await harness.run('split', report);
  return taskUuid;
}

const edges = async (): Promise<unknown> => {
  const { rows } = await harness.client.query(
    `SELECT f.name AS "from", t.name AS "to", e.name FROM tasker.workflow_step_edges e
       JOIN tasker.workflow_steps fs ON fs.workflow_step_uuid = e.from_step_uuid
       JOIN tasker.named_steps f ON f.named_step_uuid = fs.named_step_uuid
       JOIN tasker.workflow_steps ts ON ts.workflow_step_uuid = e.to_step_uuid
       JOIN tasker.named_steps t ON t.named_step_uuid = ts.named_step_uuid ORDER BY 1, 2`,
  );
  return rows;
};

describe('a batchable step', () => {
  it('creates a worker per batch, with its batch among its inputs, and their convergence', async () => {
    const taskUuid = await split(batches(cursor('001', 0, 2), cursor('002', 'k2', null)));
    const workers = [await harness.claimNext(), await harness.claimNext()];
    expect(workers.map(({ name, inputs }) => ({ name, inputs }))).toEqual([
      {
        name: 'work_001',
        inputs: {
          mode: 'fast',
          cursor: cursor('001', 0, 2),
          batch_metadata: { cursor_field: 'id', failure_strategy: 'continue_on_failure' },
          is_no_op: false,
          __template_step_name: 'work',
        },
      },
      { name: 'work_002', inputs: expect.objectContaining({ cursor: cursor('002', 'k2', null) }) },
    ]);
    expect(await edges()).toEqual([
      { from: 'split', to: 'work_001', name: 'batch_dependency' },
      { from: 'split', to: 'work_002', name: 'batch_dependency' },
      { from: 'work_001', to: 'join', name: 'worker_to_convergence' },
      { from: 'work_002', to: 'join', name: 'worker_to_convergence' },
    ]);
    for (const worker of workers) await harness.worker.complete(worker, { value: 1 });
    await harness.run('join');
    await harness.status(taskUuid, 'complete');
  });

  it('that found nothing creates one worker that does nothing, and the convergence', async () => {
    const taskUuid = await split(NO_BATCHES);
    const worker = await harness.claimNext();
    expect(worker).toMatchObject({
      name: 'work_000',
      inputs: {
        is_no_op: true,
        cursor: { batch_id: '000', start_cursor: 0, end_cursor: 0, batch_size: 0 },
        __template_step_name: 'work',
      },
    });
    await harness.worker.complete(worker, { value: null });
    await harness.run('join');
    await harness.status(taskUuid, 'complete');
  });

  it('creates its workers once, however often its result is announced', async () => {
    await harness.worker.register('batch', STEPS);
    await harness.submit('batch');
    const step = await harness.run('split', batches(cursor('001', 0, 2)));
    await harness.queueHas(1);
    await harness.worker.nudge(step);
    await harness.worker.nudge(step);
    await harness.resultsDrained();
    await harness.queueHas(1);
    expect(await edges()).toHaveLength(2);
  });

  it('is not limited by worker_count, total_items or parallelism, as in Tasker', async () => {
    const many = Array.from({ length: 60 }, (_, i) => cursor(String(i).padStart(3, '0'), i, i + 1));
    const report = batches(...many);
    report.value.batch_processing_outcome.worker_count = 1;
    const taskUuid = await split(report);
    await harness.queueHas(60);
    expect((await harness.engine.task(taskUuid)).steps).toHaveLength(62);
  });

  it('fails with its worker: the convergence never runs, whatever the failure strategy says', async () => {
    const taskUuid = await split(batches(cursor('001', 0, 2), cursor('002', 2, 4)));
    await harness.run('work_001', { failure: 'broken', retryable: false });
    const task = await harness.status(taskUuid, 'blocked_by_failures');
    await harness.run('work_002');
    await harness.stepState(taskUuid, 'work_002', 'complete');
    expect(task.steps.find(({ name }) => name === 'join')?.state).toBe('pending');
  });

  const without = (step: string, key: keyof StepDefinition): readonly StepDefinition[] =>
    STEPS.map((definition) => (definition.name === step ? { ...definition, [key]: undefined } : definition));

  it.each([
    ['without an outcome', { value: { batch_analyzer_outcome: {} } }, STEPS, /no readable/],
    ['with no cursors', batches(), STEPS, /at least one entry/],
    ['with an unknown worker', NO_BATCHES, without('split', 'initialization'), /worker_template_name/],
    ['with a worker of another type', NO_BATCHES, without('work', 'type'), /batch_worker/],
    ['with a worker without batch_config', NO_BATCHES, without('work', 'batch_config'), /batch_config/],
  ])('%s creates nothing, as in Tasker, and is reported', async (_case, report, steps, reason) => {
    const isWorkerStandard = steps.find(({ name }) => name === 'work')?.type === undefined;
    await harness.worker.register('batch', steps);
    const { taskUuid } = await harness.submit('batch');
    await harness.run('split', report);
    expect((await harness.event('outcome_refused')).reason).toMatch(reason);
    if (isWorkerStandard) await harness.run('work');
    await harness.status(taskUuid, 'complete');
  });
});

describe('a decision beside batches', () => {
  it('creates neither batch workers nor their convergence before the batches exist', async () => {
    await harness.worker.register('mixed', [
      { name: 'start' },
      { name: 'choose', type: 'decision', dependencies: ['start'] },
      { ...STEPS[0], name: 'split', dependencies: ['choose'] },
      ...STEPS.slice(1),
    ] as readonly StepDefinition[]);
    const { taskUuid } = await harness.submit('mixed');
    await harness.run('start');
    await harness.run('choose', {
      value: { decision_point_outcome: { type: 'create_steps', step_names: ['split'] } },
    });
    await harness.run('split', batches(cursor('001', 0, 2)));
    await harness.run('work_001');
    await harness.run('join');
    await harness.status(taskUuid, 'complete');
  });
});
