import type pg from 'pg';
import { BrokerError } from '../../errors.ts';
import type { JsonObject } from '../../model/json.ts';
import type { StepState, TaskState } from '../schema/states.ts';

/**
 * What the orchestrator does, also when an operator asks it to (worker protocol §2.2). The worker's own transitions are
 * not in these tables: the engine never performs them.
 */
const TASK_TRANSITIONS: Readonly<Partial<Record<TaskState, readonly TaskState[]>>> = {
  pending: ['initializing', 'blocked_by_failures', 'cancelled'],
  initializing: ['enqueuing_steps', 'complete', 'blocked_by_failures', 'cancelled'],
  enqueuing_steps: ['steps_in_process', 'complete', 'blocked_by_failures', 'cancelled'],
  steps_in_process: ['evaluating_results', 'blocked_by_failures', 'error', 'cancelled'],
  evaluating_results: [
    'enqueuing_steps',
    'waiting_for_dependencies',
    'blocked_by_failures',
    'complete',
    'cancelled',
  ],
  waiting_for_dependencies: ['evaluating_results', 'complete', 'blocked_by_failures', 'error', 'cancelled'],
  waiting_for_retry: ['enqueuing_steps', 'complete', 'blocked_by_failures', 'error', 'cancelled'],
  blocked_by_failures: ['complete', 'error', 'cancelled'],
};

/** Completing and resolving by hand are possible in every state, as in Tasker. */
const BY_HAND: readonly StepState[] = ['complete', 'resolved_manually'];
const STEP_TRANSITIONS: Readonly<Record<StepState, readonly StepState[]>> = {
  pending: ['enqueued', 'cancelled', ...BY_HAND],
  enqueued: ['cancelled', ...BY_HAND],
  in_progress: ['cancelled', ...BY_HAND],
  enqueued_for_orchestration: ['error', 'cancelled', ...BY_HAND],
  enqueued_as_error_for_orchestration: ['waiting_for_retry', 'error', 'cancelled', ...BY_HAND],
  waiting_for_retry: ['pending', 'cancelled', ...BY_HAND],
  error: ['pending', 'cancelled', ...BY_HAND],
  complete: BY_HAND,
  cancelled: BY_HAND,
  resolved_manually: BY_HAND,
};

interface Subject {
  readonly table: 'task_transitions' | 'workflow_step_transitions';
  readonly key: 'task_uuid' | 'workflow_step_uuid';
}
const TASK: Subject = { table: 'task_transitions', key: 'task_uuid' };
const STEP: Subject = { table: 'workflow_step_transitions', key: 'workflow_step_uuid' };

/** Moves a task from one state to the next; false when it is in another state by now. */
export async function transitionTask(
  client: pg.ClientBase,
  taskUuid: string,
  from: TaskState,
  to: TaskState,
): Promise<boolean> {
  if (TASK_TRANSITIONS[from]?.includes(to) !== true) throw forbidden('task', from, to);
  return compareAndSet(client, TASK, taskUuid, from, to, { from_service: 'standalone_engine' });
}

/**
 * Moves a step from one state to the next.
 *
 * @throws BrokerError ERR_INTERNAL when it is in another state by now
 * @param event what happened, as Tasker names it (`{"type": …, "data": …}`); stored as text in the transition
 */
export async function transitionStep(
  client: pg.ClientBase,
  stepUuid: string,
  from: StepState,
  to: StepState,
  event: JsonObject = { type: to },
): Promise<void> {
  if (!STEP_TRANSITIONS[from].includes(to)) throw forbidden('step', from, to);
  const moved = await compareAndSet(client, STEP, stepUuid, from, to, { event: JSON.stringify(event) });
  if (!moved)
    throw new BrokerError('ERR_INTERNAL', `step ${stepUuid} is no longer ${from}; it cannot become ${to}`);
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
  metadata: JsonObject,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `WITH left_state AS (
       UPDATE tasker.${table} SET most_recent = false, updated_at = now()
        WHERE ${key} = $1 AND most_recent AND to_state = $2
       RETURNING ${key}, sort_key)
     INSERT INTO tasker.${table}
       (${key}, to_state, from_state, metadata, sort_key, most_recent, created_at, updated_at)
     SELECT ${key}, $3, $2, $4::jsonb, sort_key + 1, true, now(), now() FROM left_state`,
    [uuid, from, to, JSON.stringify(metadata)],
  );
  return rowCount === 1;
}

function forbidden(subject: string, from: string, to: string): BrokerError {
  return new BrokerError('ERR_INTERNAL', `a ${subject} must not go from ${from} to ${to}`);
}
