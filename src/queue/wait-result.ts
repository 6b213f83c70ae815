import type { JsonObject } from '../model/json.ts';
import type { WaitDecision, WaitRequest } from '../model/step-request.ts';
import type { StepError, StepResult } from '../model/step-result.ts';
import type { ParkedStep } from './step-queue.ts';

/** How a wait ended: a person decided, or the time was over. */
export type WaitEnd = WaitDecision | 'timed_out';

/** The result of a step that has waited. Total: every answer a person can give, and none. */
export function resultOfWait(parked: ParkedStep, end: WaitEnd, waitedMs: number): StepResult {
  const { wait, handlerVersion, startedAtMs, executionMs, custom } = parked;
  const common = { handlerVersion, startedAtMs, executionMs, custom: { ...custom, waited_ms: waitedMs } };
  const output = outputOf(wait, end, waitedMs);
  const error = errorOf(wait, end, output);
  return error === null
    ? { ...common, success: true, output, error }
    : { ...common, success: false, output: {}, error };
}

function outputOf(wait: WaitRequest, end: WaitEnd, waitedMs: number): JsonObject {
  const asked = { reason: wait.reason, asked: wait.data, waited_ms: waitedMs };
  if (end === 'timed_out') {
    const decision = wait.on_timeout === 'reject' ? 'rejected' : 'approved';
    return { decision, by: null, comment: '', data: null, timed_out: true, ...asked };
  }
  const { decision, by, comment, data } = end;
  return { decision, by, comment, data, timed_out: false, ...asked };
}

function errorOf(wait: WaitRequest, end: WaitEnd, output: JsonObject): StepError | null {
  if (end === 'timed_out' && wait.on_timeout === 'fail') {
    return failure('ERR_WAIT_TIMEOUT', `nobody decided within ${wait.timeout_ms} ms: ${wait.reason}`);
  }
  if (output['decision'] === 'approved' || wait.on_reject === 'complete') return null;
  const who = end === 'timed_out' ? 'the time being over' : end.by;
  const why = end === 'timed_out' || end.comment === '' ? '' : `: ${end.comment}`;
  return failure('ERR_WAIT_REJECTED', `rejected by ${who}${why}`);
}

function failure(code: string, message: string): StepError {
  return { code, message, errorType: 'permanent_error', retryable: false, retryAfterMs: null };
}
