import * as z from 'zod';

/**
 * `StepExecutionResult` (worker protocol §4.1), as strict as Tasker reads it: what is required there is required here,
 * and a result that does not fit is never processed.
 */
const StepResult = z.object({
  step_uuid: z.guid(),
  success: z.boolean(),
  result: z.json(),
  status: z.string().default(''),
  metadata: z
    .object({
      execution_time_ms: z.int().default(0),
      /** Omitted means permanent: Tasker's default. */
      retryable: z.boolean().default(false),
    })
    .prefault({}),
  error: z.object({ message: z.string(), retryable: z.boolean() }).nullish(),
  orchestration_metadata: z
    .object({ headers: z.record(z.string(), z.string()), custom: z.record(z.string(), z.json()) })
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
