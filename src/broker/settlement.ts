import { BrokerError, ERROR_CODES, type ErrorCode } from '../errors.ts';
import type { StepInvocation } from '../model/invocation.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Limits } from '../model/limits.ts';
import { isRetryable, type Outcome } from '../model/outcome.ts';
import type { StepError, StepResult } from '../model/step-result.ts';
import type { Refusal } from '../model/verdict.ts';

/** An outcome with which a step ends; after the others it goes on. */
export type EndedOutcome = Exclude<Outcome, { readonly kind: 'yielded' | 'waiting' }>;

/** What is reported for an invocation that ran. Total: every kind of outcome has its line in `errorOf`. */
export function resultOfOutcome(outcome: EndedOutcome, handler: string, startedAtMs: number): StepResult {
  const custom: JsonObject = { receipt: outcome.receipt as unknown as JsonObject };
  const common = {
    handlerVersion: handler,
    startedAtMs,
    executionMs: Math.round(outcome.usage.wallMs),
    custom,
  };
  if (outcome.kind === 'completed') {
    return { ...common, success: true, output: JSON.parse(outcome.output) as JsonValue, error: null };
  }
  const failed = { ...common, success: false, output: {}, error: errorOf(outcome) };
  // Broken off by us, not by a lost lane: the attempt is given back.
  const isOurs = outcome.kind === 'aborted' && outcome.code === 'ERR_ABORTED';
  return isOurs ? { ...failed, uncounted: true } : failed;
}

/** A handler that yielded once more than it may. */
export function tooManyCheckpoints(outcome: Outcome, limits: Limits): EndedOutcome {
  const allowed = limits.checkpoints;
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_CHECKPOINTS',
    message: `the handler yielded more often than limits.checkpoints = ${allowed} allows in one attempt`,
    limit: 'checkpoints',
    allowed,
    used: allowed + 1,
    setting: 'limits.checkpoints',
    usage: outcome.usage,
    receipt: outcome.receipt,
  };
}

/** What is reported for the placeholder of a batch without work: no handler has to know about it. */
export function resultOfNoOp(invocation: StepInvocation, startedAtMs: number): StepResult {
  return {
    success: true,
    output: { no_op: true, batch_id: invocation.batch?.batch_id ?? null },
    error: null,
    handlerVersion: null,
    startedAtMs,
    executionMs: 0,
    custom: {},
  };
}

/** What is reported for an invocation that was not admitted. Nothing ran, so there is no receipt. */
export function resultOfRefusal(
  refusal: Refusal,
  invocation: StepInvocation,
  startedAtMs: number,
): StepResult {
  const unknown = refusal.code === 'ERR_HANDLER_UNKNOWN';
  return {
    success: false,
    output: {},
    error: {
      code: refusal.code,
      message: refusal.message,
      errorType: unknown ? 'handler_not_found' : 'validation_error',
      retryable: false,
      retryAfterMs: null,
    },
    handlerVersion: null,
    startedAtMs,
    executionMs: 0,
    custom: { refused: refusal.code, callable: invocation.callable },
  };
}

/** What is reported when the broker itself failed while an invocation was under way. */
export function resultOfFault(fault: unknown, startedAtMs: number): StepResult {
  const code = fault instanceof BrokerError ? fault.code : 'ERR_INTERNAL';
  const message =
    fault instanceof BrokerError ? fault.message : 'the broker failed while it handled this step';
  const retryable = ERROR_CODES[code] === 'transient' || ERROR_CODES[code] === 'internal';
  const errorType = retryable ? 'retryable_error' : 'validation_error';
  return {
    success: false,
    output: {},
    error: { code, message, errorType, retryable, retryAfterMs: null },
    handlerVersion: null,
    startedAtMs,
    executionMs: 0,
    custom: {},
  };
}

function errorOf(outcome: Exclude<EndedOutcome, { kind: 'completed' }>): StepError {
  const { code, message } = outcome;
  const retryable = isRetryable(outcome);
  const error = (errorType: string, retryAfterMs: number | null = null): StepError => ({
    code,
    message,
    errorType,
    retryable,
    retryAfterMs,
  });
  switch (outcome.kind) {
    case 'failed':
      return error(failedType(code, retryable), outcome.retryAfterMs ?? null);
    case 'trapped':
      return error('handler_panic');
    case 'exhausted':
      return error(outcome.limit === 'wall_ms' ? 'timeout' : 'handler_error');
    // Not the handler's doing: again at once.
    case 'aborted':
      return error('retryable_error', 0);
  }
}

function failedType(code: string, retryable: boolean): string {
  if (retryable) return 'retryable_error';
  const ours = (ERROR_CODES as Record<string, string | undefined>)[code as ErrorCode];
  return ours === 'author' ? 'handler_error' : 'permanent_error';
}
