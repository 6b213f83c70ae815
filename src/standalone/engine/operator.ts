import type pg from 'pg';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { StepState, TaskState } from '../schema/states.ts';
import type { Connections } from './connections.ts';
import type { Wave } from './context.ts';
import { loadStep } from './step-row.ts';
import { transitionStep, transitionTask } from './transitions.ts';

/** What an operator may do to a step. None of it re-evaluates the step's task, as in Tasker. */
export type StepAction =
  | { readonly kind: 'reset_for_retry' }
  | { readonly kind: 'resolve_manually' }
  | {
      readonly kind: 'complete_manually';
      readonly result: JsonValue;
      readonly metadata: JsonValue;
      readonly reason: string;
      readonly completedBy: string;
    };

export type StepActionVerdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly why: 'missing' | 'foreign' }
  | { readonly allowed: false; readonly why: 'state'; readonly from: StepState; readonly event: string };

export type CancelVerdict = 'cancelled' | 'missing' | 'ended';

const ENDED_TASK: readonly TaskState[] = ['complete', 'error', 'cancelled', 'resolved_manually'];
const ENDED_STEP: readonly StepState[] = ['complete', 'cancelled', 'resolved_manually'];

/**
 * Cancels a task and its steps, the running ones too: their worker's completion finds another state, and messages that
 * are on their way stay in the queues (hazard 18).
 */
export function cancelTask({ inWave }: Connections, taskUuid: string): Promise<CancelVerdict> {
  return inWave(async (wave) => {
    const { client, events } = wave;
    const state = await lockTask(client, taskUuid);
    if (state === null) return 'missing';
    if (ENDED_TASK.includes(state)) return 'ended';
    const { rows } = await client.query<{ stepUuid: string }>(
      'SELECT workflow_step_uuid AS "stepUuid" FROM tasker.workflow_steps WHERE task_uuid = $1',
      [taskUuid],
    );
    for (const { stepUuid } of rows) {
      const step = await loadStep(client, stepUuid);
      if (step === null || ENDED_STEP.includes(step.state)) continue;
      await transitionStep(client, stepUuid, step.state, 'cancelled', { type: 'Cancel' });
      await markProcessed(client, stepUuid);
    }
    if (!(await transitionTask(client, taskUuid, state, 'cancelled'))) return 'ended';
    events.push({ type: 'task_state', taskUuid, state: 'cancelled' });
    return 'cancelled';
  });
}

/** Does what an operator asks to one step of a task. */
export function actOnStep(
  { inWave }: Connections,
  taskUuid: string,
  stepUuid: string,
  action: StepAction,
): Promise<StepActionVerdict> {
  return inWave(async (wave): Promise<StepActionVerdict> => {
    const step = await loadStep(wave.client, stepUuid);
    if (step === null) return { allowed: false, why: 'missing' };
    if (step.taskUuid !== taskUuid) return { allowed: false, why: 'foreign' };
    const state = await perform(wave, step.state, stepUuid, action);
    if (state === null) return { allowed: false, why: 'state', from: step.state, event: 'ResetForRetry' };
    wave.events.push({ type: 'step_settled', taskUuid, stepUuid, name: step.name, state });
    return { allowed: true };
  });
}

async function perform(
  wave: Wave,
  from: StepState,
  stepUuid: string,
  action: StepAction,
): Promise<StepState | null> {
  const { client } = wave;
  switch (action.kind) {
    case 'reset_for_retry':
      // Attempts, `in_process` and backoff stay as they are (hazard 16).
      if (from !== 'error') return null;
      await transitionStep(client, stepUuid, from, 'pending', { type: 'ResetForRetry' });
      return 'pending';
    case 'resolve_manually':
      await transitionStep(client, stepUuid, from, 'resolved_manually', { type: 'ResolveManually' });
      await markProcessed(client, stepUuid);
      return 'resolved_manually';
    case 'complete_manually': {
      const data = manualResult(stepUuid, action, new Date(wave.nowMs ?? Date.now()).toISOString());
      await transitionStep(client, stepUuid, from, 'complete', { type: 'CompleteManually', data });
      await client.query(
        'UPDATE tasker.workflow_steps SET results = $2::jsonb WHERE workflow_step_uuid = $1',
        [stepUuid, JSON.stringify(data)],
      );
      await markProcessed(client, stepUuid);
      return 'complete';
    }
  }
}

/** The `StepExecutionResult` that an operator stands in for. */
function manualResult(
  stepUuid: string,
  action: Extract<StepAction, { kind: 'complete_manually' }>,
  at: string,
): JsonObject {
  const { metadata } = action;
  const given =
    typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
      ? metadata
      : { ...(metadata !== null && { operator_metadata: metadata }) };
  return {
    step_uuid: stepUuid,
    success: true,
    result: action.result,
    metadata: {
      execution_time_ms: 0,
      handler_version: null,
      retryable: false,
      completed_at: at,
      worker_id: null,
      worker_hostname: null,
      started_at: at,
      custom: {
        ...given,
        manually_completed: true,
        completed_by: action.completedBy,
        completion_reason: action.reason,
      },
      error_code: null,
      error_type: null,
      context: {},
    },
    status: 'completed',
    error: null,
    orchestration_metadata: { headers: {}, error_context: null, backoff_hint: null, custom: {} },
  };
}

async function markProcessed(client: pg.ClientBase, stepUuid: string): Promise<void> {
  await client.query(
    `UPDATE tasker.workflow_steps
        SET in_process = false, processed = true, processed_at = now(), updated_at = now()
      WHERE workflow_step_uuid = $1`,
    [stepUuid],
  );
}

async function lockTask(client: pg.ClientBase, taskUuid: string): Promise<TaskState | null> {
  const { rowCount } = await client.query('SELECT FROM tasker.tasks WHERE task_uuid = $1 FOR NO KEY UPDATE', [
    taskUuid,
  ]);
  if (rowCount === 0) return null;
  const { rows } = await client.query<{ state: TaskState }>(
    'SELECT to_state AS state FROM tasker.task_transitions WHERE task_uuid = $1 AND most_recent',
    [taskUuid],
  );
  return rows[0]?.state ?? 'pending';
}
