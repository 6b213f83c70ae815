import type { JsonObject } from '../../model/json.ts';
import type { StepState } from '../schema/states.ts';
import { backoffSeconds } from './backoff.ts';
import type { Connections } from './connections.ts';
import { timestampOf, type Wave } from './context.ts';
import type { StepResult } from './step-result.ts';
import { loadStep, type StepRow } from './step-row.ts';
import { transitionStep } from './transitions.ts';

/** Stores how long a step waits before it may run again; Tasker does so for a success as well. */
export async function storeBackoff(
  { inWave }: Connections,
  stepUuid: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  await inWave(async (wave) => {
    const step = await loadStep(wave.client, stepUuid);
    if (step === null) return;
    const seconds = backoffSeconds(headers, step.attempts, wave.nowMs ?? Date.now(), wave.random);
    await wave.client.query(
      `UPDATE tasker.workflow_steps
          SET backoff_request_seconds = $2, updated_at = now(),
              last_attempted_at = COALESCE($3::timestamptz, now()) AT TIME ZONE 'UTC'
        WHERE workflow_step_uuid = $1`,
      [stepUuid, seconds, timestampOf(wave)],
    );
  });
}

/** Ends a step whose worker has reported; any other step is left as it is. */
export async function settleStep(
  { inWave }: Connections,
  stepUuid: string,
  result: StepResult,
): Promise<void> {
  await inWave(async (wave) => {
    const step = await loadStep(wave.client, stepUuid);
    if (step === null) return;
    const next = nextState(step, result);
    if (next === null) return;
    await transitionStep(wave.client, stepUuid, step.state, next, eventOf(next, step, result));
    await writeFlags(wave, step, next);
    wave.events.push({
      type: 'step_settled',
      taskUuid: step.taskUuid,
      stepUuid,
      name: step.name,
      state: next,
    });
  });
}

/** The rules of worker protocol §4.4. Only a reported failure is retried, a broken success is not. */
function nextState(step: StepRow, result: StepResult): StepState | null {
  switch (step.state) {
    case 'enqueued_for_orchestration':
      return result.success ? 'complete' : 'error';
    case 'enqueued_as_error_for_orchestration':
      return result.metadata.retryable && step.attempts < step.maxAttempts ? 'waiting_for_retry' : 'error';
    default:
      return null;
  }
}

function eventOf(next: StepState, step: StepRow, result: StepResult): JsonObject {
  if (next === 'complete') return { type: 'Complete', data: step.results };
  const message = result.error?.message ?? 'Step execution failed';
  return { type: next === 'error' ? 'Fail' : 'WaitForRetry', data: message };
}

/** A step that waits for its retry keeps `in_process` as its worker left it (hazard 11). */
async function writeFlags({ client }: Wave, step: StepRow, next: StepState): Promise<void> {
  if (next === 'waiting_for_retry') return;
  await client.query(
    `UPDATE tasker.workflow_steps
        SET in_process = false, processed = processed OR $2,
            processed_at = CASE WHEN $2 THEN now() ELSE processed_at END, updated_at = now()
      WHERE workflow_step_uuid = $1`,
    [step.stepUuid, next === 'complete'],
  );
}
