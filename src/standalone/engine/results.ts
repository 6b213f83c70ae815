import * as z from 'zod';
import type { StepState } from '../schema/states.ts';
import { advanceTask } from './advance.ts';
import { backoffSeconds } from './backoff.ts';
import { timestampOf, type Wave } from './context.ts';
import { branchesOf } from './graph.ts';
import { templateOfTask } from './named-task.ts';
import { readDecision, readStepResult, type StepResult } from './step-result.ts';
import { createEdges, createSteps } from './steps.ts';
import { transitionStep } from './transitions.ts';

/** A message of queue `orchestration_step_results`: a claim check, the result is in the step's row. */
const ResultMessage = z.object({ task_uuid: z.guid(), step_uuid: z.guid(), correlation_id: z.guid() });

/** A message or result that cannot be processed now, and perhaps never. */
export class UnreadableResult extends Error {}

interface FinishedStep {
  readonly stepUuid: string;
  readonly taskUuid: string;
  readonly name: string;
  readonly state: StepState;
  readonly attempts: number;
  readonly maxAttempts: number;
}

/**
 * Processes one result message: what the worker stored is read from the step's row, never from the message. A message
 * for a step that is settled already only re-evaluates its task, so that messages may repeat.
 *
 * @throws UnreadableResult
 */
export async function processResult(wave: Wave, message: unknown): Promise<void> {
  // untrusted: whoever can write to the queue can write anything into it
  const parsed = ResultMessage.safeParse(message);
  if (!parsed.success)
    throw new UnreadableResult('the message is not {task_uuid, step_uuid, correlation_id}');
  await settleStep(wave, parsed.data.step_uuid);
}

/** Settles a step whose worker has reported, then lets its task go on. */
export async function settleStep(wave: Wave, stepUuid: string): Promise<void> {
  const { step, stored } = await loadStep(wave, stepUuid);
  if (step.state === 'enqueued_for_orchestration' || step.state === 'enqueued_as_error_for_orchestration') {
    // untrusted: the result comes from a worker, and its content from a guest
    const { result, reason } = readStepResult(stored);
    if (result === null) throw new UnreadableResult(reason);
    if (result.orchestration_metadata) {
      await storeBackoff(wave, step, result.orchestration_metadata.headers);
    }
    await settle(wave, step, result);
  }
  await advanceTask(wave, step.taskUuid);
}

/** Locks the task first: all waves of one task happen one after the other. */
async function loadStep(wave: Wave, stepUuid: string): Promise<{ step: FinishedStep; stored: unknown }> {
  const locked = await wave.client.query(
    `SELECT FROM tasker.tasks t JOIN tasker.workflow_steps ws USING (task_uuid)
      WHERE ws.workflow_step_uuid = $1 FOR NO KEY UPDATE OF t`,
    [stepUuid],
  );
  if (locked.rowCount === 0) throw new UnreadableResult(`there is no step ${stepUuid}`);
  const { rows } = await wave.client.query<FinishedStep & { results: unknown }>(
    `SELECT ws.workflow_step_uuid AS "stepUuid", ws.task_uuid AS "taskUuid", ns.name, st.to_state AS state,
            COALESCE(ws.attempts, 0) AS attempts, COALESCE(ws.max_attempts, 0) AS "maxAttempts", ws.results
       FROM tasker.workflow_steps ws
       JOIN tasker.named_steps ns USING (named_step_uuid)
       JOIN tasker.workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
      WHERE ws.workflow_step_uuid = $1`,
    [stepUuid],
  );
  const [row] = rows;
  if (row === undefined) throw new UnreadableResult(`step ${stepUuid} has no state`);
  const { results, ...step } = row;
  return { step, stored: results };
}

async function storeBackoff(
  wave: Wave,
  step: FinishedStep,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const seconds = backoffSeconds(headers, step.attempts, wave.nowMs ?? Date.now(), wave.random);
  await wave.client.query(
    `UPDATE tasker.workflow_steps
        SET backoff_request_seconds = $2, updated_at = now(),
            last_attempted_at = COALESCE($3::timestamptz, now()) AT TIME ZONE 'UTC'
      WHERE workflow_step_uuid = $1`,
    [step.stepUuid, seconds, timestampOf(wave)],
  );
}

/** The rules of worker protocol §4.4. Only a reported failure is retried, a broken success is not. */
async function settle(wave: Wave, step: FinishedStep, result: StepResult): Promise<void> {
  const { stepUuid, taskUuid, name, state } = step;
  const succeeded = state === 'enqueued_for_orchestration' && result.success;
  const retried =
    state === 'enqueued_as_error_for_orchestration' &&
    result.metadata.retryable &&
    step.attempts < step.maxAttempts;
  const next: StepState = succeeded ? 'complete' : retried ? 'waiting_for_retry' : 'error';
  await transitionStep(wave.client, stepUuid, state, next);
  await wave.client.query(
    `UPDATE tasker.workflow_steps
        SET in_process = false, processed = $2, processed_at = CASE WHEN $2 THEN now() END, updated_at = now()
      WHERE workflow_step_uuid = $1`,
    [stepUuid, succeeded],
  );
  wave.events.push({ type: 'step_settled', taskUuid, stepUuid, name, state: next });
  if (succeeded && result.status === 'completed') await applyDecision(wave, step, result);
}

/** Creates the branches that a decision step chose. */
async function applyDecision(wave: Wave, step: FinishedStep, result: StepResult): Promise<void> {
  const template = await templateOfTask(wave.client, step.taskUuid);
  const inTemplate = template.steps.find((candidate) => candidate.name === step.name);
  if (inTemplate?.type !== 'decision') return;
  const refuse = (reason: string): void => {
    wave.events.push({ type: 'decision_refused', taskUuid: step.taskUuid, name: step.name, reason });
  };
  const asked = readDecision(result);
  if (asked === null) return refuse('the result has no readable decision_point_outcome');
  const branches = branchesOf(template, step.name, asked);
  if (!branches.allowed) return refuse(branches.reason);
  const created = await createSteps(wave.client, step.taskUuid, branches.steps);
  // As in Tasker: a convergence step waits for those of its dependencies that this decision created; any other step
  // takes a dependency that was not created now to be the decision itself.
  await createEdges(wave.client, branches.steps, created, (branch) =>
    branch.type === 'deferred_convergence' ? null : step.stepUuid,
  );
}
