import type { StepState, TaskState } from '../schema/states.ts';
import { timestampOf, type Wave } from './context.ts';
import { enqueueSteps, type ReadyStep } from './enqueue.ts';
import { transitionTask } from './transitions.ts';

/** How to get from a state of a task to the decision about what comes next. */
const TO_EVALUATION: Readonly<Partial<Record<TaskState, readonly TaskState[]>>> = {
  initializing: [],
  steps_in_process: ['evaluating_results'],
  waiting_for_dependencies: ['evaluating_results'],
  evaluating_results: [],
};

interface StepStatus extends ReadyStep {
  readonly state: StepState;
  readonly ready: boolean;
}

type Next =
  | 'blocked_by_failures'
  | 'enqueuing_steps'
  | 'complete'
  | 'waiting_for_dependencies'
  | 'processing';

/**
 * Decides what a task does next and does it: enqueue the steps that can start, finish, wait, or nothing while steps
 * run. A task in a final or blocked state is left alone. The caller's transaction holds the lock on the task.
 */
export async function advanceTask(wave: Wave, taskUuid: string): Promise<void> {
  const { client } = wave;
  const state = await currentState(wave, taskUuid);
  const toEvaluation = TO_EVALUATION[state];
  if (toEvaluation === undefined) return;
  const steps = await loadSteps(wave, taskUuid);
  const next = decide(steps);
  if (next === 'processing' || next === state) return;
  const path: TaskState[] = [state, ...toEvaluation, next];
  if (next === 'enqueuing_steps') path.push('steps_in_process');
  const [from, to, ...rest] = path;
  if (from === undefined || to === undefined) return;
  await transitionTask(client, taskUuid, from, to, ...rest);
  if (next === 'enqueuing_steps') {
    await enqueueSteps(
      wave,
      taskUuid,
      steps.filter((step) => step.ready),
    );
  }
  if (next === 'complete') {
    await client.query(
      'UPDATE tasker.tasks SET complete = true, completed_at = now(), updated_at = now() WHERE task_uuid = $1',
      [taskUuid],
    );
  }
  wave.events.push({ type: 'task_state', taskUuid, state: path.at(-1) ?? next });
}

/**
 * In Tasker's order: a permanent failure outranks steps that could start (worker protocol §14). A step that waits for
 * its retry while others run leaves the task as it is; its time comes with the next wave.
 */
function decide(steps: readonly StepStatus[]): Next {
  const inState = (...states: StepState[]): boolean => steps.some((step) => states.includes(step.state));
  if (inState('error')) return 'blocked_by_failures';
  if (steps.some((step) => step.ready)) return 'enqueuing_steps';
  if (
    inState('enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
  ) {
    return 'processing';
  }
  const done = steps.every((step) => step.state === 'complete' || step.state === 'resolved_manually');
  return done ? 'complete' : 'waiting_for_dependencies';
}

async function currentState({ client }: Wave, taskUuid: string): Promise<TaskState> {
  const { rows } = await client.query<{ state: TaskState }>(
    'SELECT to_state AS state FROM tasker.task_transitions WHERE task_uuid = $1 AND most_recent',
    [taskUuid],
  );
  return rows[0]?.state ?? 'pending';
}

/** State and readiness of every step (the conditions of worker protocol §2.5, at the wave's time). */
async function loadSteps(wave: Wave, taskUuid: string): Promise<StepStatus[]> {
  const { rows } = await wave.client.query<StepStatus>(
    `SELECT ws.workflow_step_uuid AS "stepUuid", ns.name, st.to_state AS state,
            st.to_state IN ('pending', 'waiting_for_retry') AND NOT ws.processed AND NOT ws.in_process
            AND (COALESCE(ws.attempts, 0) = 0
                 OR ws.retryable AND ws.attempts < COALESCE(ws.max_attempts, 3))
            AND (ws.backoff_request_seconds IS NULL OR ws.last_attempted_at IS NULL
                 OR ws.last_attempted_at + make_interval(secs => ws.backoff_request_seconds)
                    <= COALESCE($2::timestamptz, now()) AT TIME ZONE 'UTC')
            AND NOT EXISTS (
              SELECT FROM tasker.workflow_step_edges e
                LEFT JOIN tasker.workflow_step_transitions p
                  ON p.workflow_step_uuid = e.from_step_uuid AND p.most_recent
               WHERE e.to_step_uuid = ws.workflow_step_uuid
                 AND (p.to_state IS NULL OR p.to_state NOT IN ('complete', 'resolved_manually'))) AS ready
       FROM tasker.workflow_steps ws
       JOIN tasker.named_steps ns USING (named_step_uuid)
       JOIN tasker.workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
      WHERE ws.task_uuid = $1
      ORDER BY ws.workflow_step_uuid`,
    [taskUuid, timestampOf(wave)],
  );
  return rows;
}
