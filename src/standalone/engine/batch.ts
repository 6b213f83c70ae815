import type pg from 'pg';
import type { JsonObject } from '../../model/json.ts';
import type { Connections } from './connections.ts';
import { OutcomeRefused } from './decision.ts';
import { templateOfTask } from './named-task.ts';
import { type BatchOutcome, type Cursor, readBatch, type StepResult } from './step-result.ts';
import { loadStep, type StepRow } from './step-row.ts';
import { connect, createSteps } from './steps.ts';
import type { StepTemplate, Template } from './template.ts';

/** The one batch of a step that found nothing to do. */
const PLACEHOLDER: Cursor = { batch_id: '000', start_cursor: 0, end_cursor: 0, batch_size: 0 };

/**
 * Creates the workers that a batchable step asks for, and the convergence steps that join them, in one transaction
 * (worker protocol §4.6); does nothing for any other step, and nothing when the workers are there already.
 *
 * As in Tasker `worker_count`, `total_items`, `batch_config.parallelism` and any ceiling on the number of batches are
 * not looked at.
 */
export async function createBatches(
  { inWave }: Connections,
  stepUuid: string,
  result: StepResult,
): Promise<void> {
  await inWave(async ({ client }) => {
    const step = await loadStep(client, stepUuid);
    if (step === null) return;
    const template = await templateOfTask(client, step.taskUuid);
    const inTemplate = template.steps.find(({ name }) => name === step.name);
    if (inTemplate?.type !== 'batchable') return;
    const outcome = readBatch(result);
    if (outcome === null) throw new OutcomeRefused('the result has no readable batch_processing_outcome');
    if (await hasWorkers(client, stepUuid)) return;
    const { worker, cursors } = plan(template, inTemplate, outcome);
    await createWorkers(client, step, template, worker, cursors, outcome.type === 'no_batches');
  });
}

interface Plan {
  readonly worker: StepTemplate;
  readonly cursors: readonly Cursor[];
}

function plan(template: Template, batchable: StepTemplate, outcome: BatchOutcome): Plan {
  const name =
    outcome.type === 'no_batches'
      ? batchable.initialization['worker_template_name']
      : outcome.worker_template_name;
  if (typeof name !== 'string') {
    throw new OutcomeRefused(
      `no_batches needs handler.initialization.worker_template_name on "${batchable.name}"`,
    );
  }
  const worker = template.steps.find((step) => step.name === name);
  if (worker === undefined) throw new OutcomeRefused(`there is no step "${name}" in the template`);
  if (worker.type !== 'batch_worker') {
    throw new OutcomeRefused(`expected "${name}" to be a batch_worker, got ${worker.type}`);
  }
  if (worker.batchConfig === null) throw new OutcomeRefused(`batch worker "${name}" has no batch_config`);
  if (outcome.type === 'no_batches') return { worker, cursors: [PLACEHOLDER] };
  if (outcome.cursor_configs.length === 0) {
    throw new OutcomeRefused('create_batches needs at least one entry in cursor_configs');
  }
  return { worker, cursors: outcome.cursor_configs };
}

async function createWorkers(
  client: pg.ClientBase,
  step: StepRow,
  template: Template,
  worker: StepTemplate,
  cursors: readonly Cursor[],
  isNoOp: boolean,
): Promise<void> {
  const instances = cursors.map((cursor) => instanceOf(worker, cursor, isNoOp));
  const workers = [...(await createSteps(client, step.taskUuid, instances)).values()];
  const joins = template.steps.filter(
    ({ type, dependencies }) => type === 'deferred_convergence' && dependencies.includes(worker.name),
  );
  const joined = [...(await createSteps(client, step.taskUuid, joins)).values()];
  await connect(
    client,
    workers.map((to) => ({ from: step.stepUuid, to, name: 'batch_dependency' })),
  );
  await connect(
    client,
    joined.flatMap((to) => workers.map((from) => ({ from, to, name: 'worker_to_convergence' }))),
  );
}

/** A worker's own step: a standard one, named after template and batch, with the batch among its inputs. */
function instanceOf(worker: StepTemplate, cursor: Cursor, isNoOp: boolean): StepTemplate {
  const inputs: JsonObject = {
    ...worker.initialization,
    cursor: { ...cursor },
    batch_metadata: {
      cursor_field: worker.batchConfig?.cursorField ?? 'id',
      failure_strategy: worker.batchConfig?.failureStrategy ?? 'continue_on_failure',
    },
    is_no_op: isNoOp,
    __template_step_name: worker.name,
  };
  return {
    ...worker,
    name: `${worker.name}_${cursor.batch_id}`,
    type: 'standard',
    initialization: inputs,
    batchConfig: null,
  };
}

async function hasWorkers(client: pg.ClientBase, stepUuid: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM tasker.workflow_step_edges WHERE from_step_uuid = $1 AND name = 'batch_dependency' LIMIT 1`,
    [stepUuid],
  );
  return rowCount === 1;
}
