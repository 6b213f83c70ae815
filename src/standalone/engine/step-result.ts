import * as z from 'zod';

const anyJson = z.json();

/**
 * `StepExecutionResult` as Tasker reads it (worker protocol §4.1): every field has a default, what is there must fit. An
 * `orchestration_metadata` without `headers` and `custom`, or an `error` without `message` and `retryable`, never fits.
 */
const StepResult = z.object({
  step_uuid: z.guid().default('00000000-0000-0000-0000-000000000000'),
  success: z.boolean().default(false),
  result: anyJson.default(null),
  status: z.string().default(''),
  metadata: z
    .object({
      execution_time_ms: z.int().default(0),
      /** Omitted means permanent: Tasker's default (hazard 2). */
      retryable: z.boolean().default(false),
      completed_at: z.iso.datetime({ offset: true }).optional(),
      started_at: z.iso.datetime({ offset: true }).nullish(),
      custom: z.record(z.string(), anyJson).default({}),
      context: z.record(z.string(), anyJson).default({}),
    })
    .prefault({}),
  error: z
    .object({
      message: z.string(),
      retryable: z.boolean(),
      error_type: z.string().nullish(),
      backtrace: z.array(z.string()).nullish(),
      status_code: z.int().min(0).max(65_535).nullish(),
      context: z.record(z.string(), anyJson).default({}),
    })
    .nullish(),
  orchestration_metadata: z
    .object({
      headers: z.record(z.string(), z.string()),
      custom: z.record(z.string(), anyJson),
      error_context: z.string().nullish(),
      backoff_hint: z
        .object({
          backoff_type: z.enum(['ServerRequested', 'RateLimit', 'ServiceUnavailable', 'Custom']),
          delay_seconds: z.int().min(0).max(0xffff_ffff),
          context: z.string().nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
export type StepResult = Readonly<z.infer<typeof StepResult>>;

/** The result, or what is wrong with it. */
export function readStepResult(
  stored: unknown,
):
  | { readonly result: StepResult; readonly reason?: never }
  | { readonly result: null; readonly reason: string } {
  const parsed = StepResult.safeParse(stored);
  if (parsed.success) return { result: parsed.data };
  const [issue] = parsed.error.issues;
  return { result: null, reason: `results.${issue?.path.join('.')}: ${issue?.message}` };
}

/** The status, from `success` when it is empty. */
export function statusOf(result: StepResult): string {
  if (result.status !== '') return result.status;
  return result.success ? 'completed' : 'failed';
}

/** `result.decision_point_outcome` of a decision step (worker protocol §4.6). */
const DecisionOutcome = z.object({
  decision_point_outcome: z.discriminatedUnion('type', [
    z.object({ type: z.literal('no_branches') }),
    z.object({ type: z.literal('create_steps'), step_names: z.array(z.string()) }),
  ]),
});

/** The names of the steps that a decision asks for; null when the result holds no readable outcome. */
export function readDecision(result: StepResult): readonly string[] | null {
  const parsed = DecisionOutcome.safeParse(result.result);
  if (!parsed.success) return null;
  const outcome = parsed.data.decision_point_outcome;
  return outcome.type === 'no_branches' ? [] : outcome.step_names;
}

const count32 = z.int().min(0).max(0xffff_ffff);
const Cursor = z.object({
  batch_id: z.string(),
  start_cursor: anyJson,
  end_cursor: anyJson,
  batch_size: count32,
});
export type Cursor = Readonly<z.infer<typeof Cursor>>;

/** `result.batch_processing_outcome` of a batchable step (worker protocol §4.6). */
const BatchOutcome = z.object({
  batch_processing_outcome: z.discriminatedUnion('type', [
    z.object({ type: z.literal('no_batches') }),
    z.object({
      type: z.literal('create_batches'),
      worker_template_name: z.string(),
      worker_count: count32,
      cursor_configs: z.array(Cursor),
      total_items: z.int().min(0),
    }),
  ]),
});
export type BatchOutcome = z.infer<typeof BatchOutcome>['batch_processing_outcome'];

/** What a batchable step asks for; null when the result holds no readable outcome. */
export function readBatch(result: StepResult): BatchOutcome | null {
  const parsed = BatchOutcome.safeParse(result.result);
  return parsed.success ? parsed.data.batch_processing_outcome : null;
}
