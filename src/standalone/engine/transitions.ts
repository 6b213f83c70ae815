import type pg from 'pg';
import { BrokerError } from '../../errors.ts';
import type { StepState, TaskState } from '../schema/states.ts';

/**
 * What the orchestrator may do (worker protocol §2.2). The worker's own transitions and the operator's are not in these
 * tables: the engine never performs them.
 */
const TASK_TRANSITIONS: Readonly<Partial<Record<TaskState, readonly TaskState[]>>> = {
  pending: ['initializing'],
  initializing: ['enqueuing_steps'],
  enqueuing_steps: ['steps_in_process'],
  steps_in_process: ['evaluating_results'],
  evaluating_results: ['enqueuing_steps', 'waiting_for_dependencies', 'blocked_by_failures', 'complete'],
  waiting_for_dependencies: ['evaluating_results'],
  waiting_for_retry: ['enqueuing_steps'],
};

const STEP_TRANSITIONS: Readonly<Partial<Record<StepState, readonly StepState[]>>> = {
  pending: ['enqueued'],
  enqueued_for_orchestration: ['complete', 'error'],
  enqueued_as_error_for_orchestration: ['waiting_for_retry', 'error'],
  waiting_for_retry: ['pending'],
};

interface Subject {
  readonly table: 'task_transitions' | 'workflow_step_transitions';
  readonly key: 'task_uuid' | 'workflow_step_uuid';
}
const TASK: Subject = { table: 'task_transitions', key: 'task_uuid' };
const STEP: Subject = { table: 'workflow_step_transitions', key: 'workflow_step_uuid' };

/** Moves a task along a path of states, each a row of its history. */
export async function transitionTask(
  client: pg.ClientBase,
  taskUuid: string,
  ...path: readonly [TaskState, TaskState, ...TaskState[]]
): Promise<void> {
  for (const [index, to] of path.entries()) {
    const from = path[index - 1];
    if (from === undefined) continue;
    if (TASK_TRANSITIONS[from]?.includes(to) !== true) throw forbidden('task', from, to);
    await compareAndSet(client, TASK, taskUuid, from, to);
  }
}

/** Moves a step from one state to the next. */
export async function transitionStep(
  client: pg.ClientBase,
  stepUuid: string,
  from: StepState,
  to: StepState,
): Promise<void> {
  if (STEP_TRANSITIONS[from]?.includes(to) !== true) throw forbidden('step', from, to);
  await compareAndSet(client, STEP, stepUuid, from, to);
}

/** Gives a new task or step its first state. */
export async function beginHistory(
  client: pg.ClientBase,
  subject: 'task' | 'step',
  uuid: string,
): Promise<void> {
  const { table, key } = subject === 'task' ? TASK : STEP;
  await client.query(
    `INSERT INTO tasker.${table} (${key}, to_state, metadata, sort_key, most_recent, created_at, updated_at)
     VALUES ($1, 'pending', '{"initial_state": true, "from_service": "task_initializer"}', 1, true, now(), now())`,
    [uuid],
  );
}

async function compareAndSet(
  client: pg.ClientBase,
  { table, key }: Subject,
  uuid: string,
  from: string,
  to: string,
): Promise<void> {
  const { rowCount } = await client.query(
    `WITH left_state AS (
       UPDATE tasker.${table} SET most_recent = false, updated_at = now()
        WHERE ${key} = $1 AND most_recent AND to_state = $2
       RETURNING ${key}, sort_key)
     INSERT INTO tasker.${table}
       (${key}, to_state, from_state, metadata, sort_key, most_recent, created_at, updated_at)
     SELECT ${key}, $3, $2, jsonb_build_object('from_service', 'standalone_engine'), sort_key + 1, true, now(), now()
       FROM left_state`,
    [uuid, from, to],
  );
  if (rowCount !== 1) {
    throw new BrokerError(
      'ERR_INTERNAL',
      `${key} ${uuid}: expected state ${from} before ${to}, but it is in another state`,
    );
  }
}

function forbidden(subject: string, from: string, to: string): BrokerError {
  return new BrokerError('ERR_INTERNAL', `a ${subject} must not go from ${from} to ${to}`);
}
