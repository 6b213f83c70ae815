import type pg from 'pg';
import type { StepTemplate } from './template.ts';
import { beginHistory } from './transitions.ts';

/**
 * Creates steps of a task in state `pending`. A step that exists already is left as it is.
 *
 * @returns the uuid of every step, by name
 */
export async function createSteps(
  client: pg.ClientBase,
  taskUuid: string,
  steps: readonly StepTemplate[],
): Promise<ReadonlyMap<string, string>> {
  const uuids = new Map<string, string>();
  // In the order of their names, so that two transactions creating the same named steps cannot deadlock.
  const names = steps.map((step) => step.name).sort();
  await client.query(
    `INSERT INTO tasker.named_steps (name, created_at, updated_at)
     SELECT name, now(), now() FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, position) ORDER BY position
     ON CONFLICT (name) DO NOTHING`,
    [names],
  );
  for (const step of steps) {
    const created = await client.query<{ uuid: string }>(
      `INSERT INTO tasker.workflow_steps
         (task_uuid, named_step_uuid, retryable, max_attempts, inputs, created_at, updated_at)
       SELECT $1, named_step_uuid, $3, $4, $5::jsonb, now(), now() FROM tasker.named_steps WHERE name = $2
       ON CONFLICT (task_uuid, named_step_uuid) DO NOTHING
       RETURNING workflow_step_uuid AS uuid`,
      [taskUuid, step.name, step.retryable, step.maxAttempts, inputsOf(step)],
    );
    const uuid = created.rows[0]?.uuid ?? (await findStep(client, taskUuid, step.name));
    if (created.rowCount === 1) await beginHistory(client, 'step', uuid);
    uuids.set(step.name, uuid);
  }
  return uuids;
}

/**
 * Connects created steps with their dependencies.
 *
 * @param otherwise where a dependency that is not among `created` is taken from: nowhere (null), or the deciding step
 */
export async function createEdges(
  client: pg.ClientBase,
  steps: readonly StepTemplate[],
  created: ReadonlyMap<string, string>,
  otherwise: (step: StepTemplate) => string | null,
): Promise<void> {
  const edges: Edge[] = [];
  for (const step of steps) {
    const to = created.get(step.name);
    if (to === undefined) continue;
    for (const dependency of step.dependencies) {
      const from = created.get(dependency) ?? otherwise(step);
      if (from !== null) edges.push({ from, to, name: 'provides' });
    }
  }
  await connect(client, edges);
}

/** From one step's uuid to another's. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly name: 'provides' | 'batch_dependency' | 'worker_to_convergence';
}

/** Adds edges; those that are there already stay. */
export async function connect(client: pg.ClientBase, edges: readonly Edge[]): Promise<void> {
  await client.query(
    `INSERT INTO tasker.workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
     SELECT from_step, to_step, name, now(), now()
       FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS edge (from_step, to_step, name)
     ON CONFLICT (from_step_uuid, to_step_uuid, name) DO NOTHING`,
    [edges.map(({ from }) => from), edges.map(({ to }) => to), edges.map(({ name }) => name)],
  );
}

/** Tasker stores NULL for a step without configuration. */
function inputsOf(step: StepTemplate): string | null {
  return Object.keys(step.initialization).length === 0 ? null : JSON.stringify(step.initialization);
}

async function findStep(client: pg.ClientBase, taskUuid: string, name: string): Promise<string> {
  const { rows } = await client.query<{ uuid: string }>(
    `SELECT ws.workflow_step_uuid AS uuid FROM tasker.workflow_steps ws
       JOIN tasker.named_steps ns USING (named_step_uuid) WHERE ws.task_uuid = $1 AND ns.name = $2`,
    [taskUuid, name],
  );
  const [step] = rows;
  if (step === undefined) throw new Error(`step ${name} of task ${taskUuid} was neither created nor found`);
  return step.uuid;
}
