import type { JsonObject, JsonValue } from './json.ts';

/** What is reported about a step: the broker's words, not Tasker's. `tasker/step-execution-result.ts` translates. */
export interface StepResult {
  readonly success: boolean;
  /** The business value; `{}` on failure. */
  readonly output: JsonValue;
  readonly error: StepError | null;
  /** `name@version` of the handler that ran, or null when none did. */
  readonly handlerVersion: string | null;
  readonly startedAtMs: number;
  readonly executionMs: number;
  /** The receipt and other facts for operators, stored under `metadata.custom`. */
  readonly custom: JsonObject;
  /** True: we broke the attempt off, so it does not count against the step's attempts. */
  readonly uncounted?: boolean;
}

export interface StepError {
  /** Stable code: `ERR_…` or the handler's own. */
  readonly code: string;
  readonly message: string;
  /** One of Tasker's strings: permanent_error, retryable_error, validation_error, timeout, handler_error, handler_not_found… */
  readonly errorType: string;
  readonly retryable: boolean;
  /** Wait at least this long before the next attempt. Null: the template's backoff. */
  readonly retryAfterMs: number | null;
}
