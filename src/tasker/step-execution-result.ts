import * as z from 'zod';
import { BrokerError } from '../errors.ts';
import type { RetryPolicy } from '../model/invocation.ts';
import type { StepError, StepResult } from '../model/step-result.ts';
import { retryDelayMs } from '../queue/retry-delay.ts';
import { findUnstorable, storableFacts, storableText } from './storable.ts';

/** Who ran which attempt of which step: what a result needs beside the result. */
export interface AttemptIdentity {
  readonly stepUuid: string;
  readonly workerUuid: string;
  /** Null when it is not known any more. */
  readonly hostname: string | null;
  /** Counted from 1. */
  readonly attempt: number;
  readonly retry: RetryPolicy;
  /** The step's own `retryable`: false means Tasker would never run it again, whatever the result says. */
  readonly retryable: boolean;
}

const MESSAGE_MAX_CHARS = 4096;
const LABEL_MAX_CHARS = 256;
/** Tasker gives up a task that has waited for an hour, so a longer delay would lose it. */
const RETRY_AFTER_MAX_S = 3000;

const text = z.string().max(MESSAGE_MAX_CHARS);
const nullableText = text.nullable();
const instant = z.iso.datetime();

const Metadata = z.strictObject({
  execution_time_ms: z.int().min(0),
  handler_version: nullableText,
  /** Tasker retries by this field, and takes it for false when it is missing. */
  retryable: z.boolean(),
  completed_at: instant,
  worker_id: text,
  worker_hostname: nullableText,
  started_at: instant,
  custom: z.record(z.string(), z.unknown()),
  error_code: nullableText,
  error_type: nullableText,
  context: z.strictObject({}),
});

const ReportedError = z.strictObject({
  message: text,
  error_type: nullableText,
  backtrace: z.null(),
  retryable: z.boolean(),
  status_code: z.null(),
  context: z.strictObject({}),
});

/** All four or none: a partial object makes the orchestrator stumble over the message for ever. */
const OrchestrationMetadata = z.strictObject({
  headers: z.record(z.string(), z.string()),
  error_context: nullableText,
  backoff_hint: z.null(),
  custom: z.strictObject({}),
});

/**
 * What Tasker reads from `workflow_steps.results`. Everything written passes this schema: a result that Tasker cannot
 * read is delivered to it again and again, and its task never goes on.
 */
export const StepExecutionResult = z
  .strictObject({
    step_uuid: z.guid(),
    success: z.boolean(),
    result: z.unknown(),
    metadata: Metadata,
    status: z.enum(['completed', 'failed']),
    error: ReportedError.nullable(),
    orchestration_metadata: OrchestrationMetadata.nullable(),
  })
  .refine((value) => value.success === (value.status === 'completed'), 'status contradicts success')
  .refine((value) => value.success === (value.error === null), 'error contradicts success')
  .refine((value) => value.metadata.retryable === (value.error?.retryable ?? false), 'retryable differs')
  .refine(
    (value) => value.success === (value.orchestration_metadata === null),
    'orchestration_metadata belongs to failures',
  );
export type StepExecutionResult = z.infer<typeof StepExecutionResult>;

/**
 * The result in Tasker's words. An output that PostgreSQL cannot store becomes a permanent failure with
 * ERR_OUTPUT_INVALID, which is then also `refused`. Throws ERR_INTERNAL when the outcome would not pass the schema.
 */
export function toStepExecutionResult(
  identity: AttemptIdentity,
  result: StepResult,
): { readonly record: StepExecutionResult; readonly refused: StepError | null } {
  const fault = result.success ? findUnstorable(result.output) : null;
  const refused = fault === null ? null : asOutputFailure(result, fault);
  const translated = translate(identity, refused ?? result);
  const checked = StepExecutionResult.safeParse(translated);
  if (!checked.success) {
    throw new BrokerError(
      'ERR_INTERNAL',
      `the result of step ${identity.stepUuid} is not one Tasker could read: ${z.prettifyError(checked.error)}`,
    );
  }
  return { record: translated, refused: refused?.error ?? null };
}

/** `result` as the failure of its own output, everything else kept. */
export function asOutputFailure(result: StepResult, fault: string): StepResult {
  return {
    ...result,
    success: false,
    output: {},
    error: {
      code: 'ERR_OUTPUT_INVALID',
      message: `the output cannot be stored in PostgreSQL: ${fault}`,
      errorType: 'permanent_error',
      retryable: false,
      retryAfterMs: null,
    },
  };
}

function translate(identity: AttemptIdentity, result: StepResult): StepExecutionResult {
  const executionMs = Math.max(0, Math.round(result.executionMs));
  const error = result.success ? null : (result.error ?? UNEXPLAINED);
  const retryable = error?.retryable === true && identity.retryable;
  const errorType = error === null ? null : storableText(error.errorType, LABEL_MAX_CHARS);
  return {
    step_uuid: identity.stepUuid,
    success: result.success,
    result: result.success ? result.output : {},
    metadata: {
      execution_time_ms: executionMs,
      handler_version: result.handlerVersion && storableText(result.handlerVersion, LABEL_MAX_CHARS),
      retryable,
      completed_at: new Date(result.startedAtMs + executionMs).toISOString(),
      worker_id: `worker_${identity.workerUuid}`,
      worker_hostname: identity.hostname && storableText(identity.hostname, LABEL_MAX_CHARS),
      started_at: new Date(result.startedAtMs).toISOString(),
      custom: storableFacts(result.custom),
      error_code: error && storableText(error.code, LABEL_MAX_CHARS),
      error_type: errorType,
      context: {},
    },
    status: result.success ? 'completed' : 'failed',
    error: error && {
      message: storableText(error.message, MESSAGE_MAX_CHARS),
      error_type: errorType,
      backtrace: null,
      retryable,
      status_code: null,
      context: {},
    },
    orchestration_metadata: error && {
      headers: retryable ? retryHeaders(identity, error) : {},
      error_context: null,
      backoff_hint: null,
      custom: {},
    },
  };
}

const UNEXPLAINED: StepError = Object.freeze({
  code: 'ERR_INTERNAL',
  message: 'the step failed without an error',
  errorType: 'handler_error',
  retryable: false,
  retryAfterMs: null,
});

/** The only delay that Tasker obeys. Without the header it applies its own: 2 s, 4 s, 8 s… */
function retryHeaders(identity: AttemptIdentity, error: StepError): Record<string, string> {
  const delayMs = error.retryAfterMs ?? retryDelayMs(identity.retry, identity.attempt);
  if (delayMs === null) return {};
  return { 'retry-after': String(Math.min(Math.ceil(Math.max(0, delayMs) / 1000), RETRY_AFTER_MAX_S)) };
}

/**
 * The state-machine event that goes with a result, as text. `success` and `metadata` beside Tasker's `type` and `data`
 * are what its audit trigger looks for.
 */
export function completionEvent(result: StepExecutionResult): string {
  return JSON.stringify({
    type: result.success ? 'EnqueueForOrchestration' : 'EnqueueAsErrorForOrchestration',
    data: result,
    success: result.success,
    metadata: { execution_time_ms: result.metadata.execution_time_ms },
  });
}
