import { type AnySchemaCheck, describeFaults, type SchemaFault } from '../catalog/json-schema.ts';
import type { StepResult } from '../model/step-result.ts';

/** What an output has to fit, from the handler's manifest and from the template step; null where there is none. */
export interface OutputSchemas {
  readonly manifest: AnySchemaCheck | null;
  readonly template: AnySchemaCheck | null;
}

/**
 * `result`, or the permanent failure of its output where that violates a schema: with ERR_OUTPUT_SCHEMA the handler breaks
 * its own word, with ERR_RESULT_SCHEMA it does not do what the workflow expects of it. Steps downstream never see such an
 * output. Messages name keys, never values.
 */
export async function enforceOutputSchemas(
  result: StepResult,
  { manifest, template }: OutputSchemas,
): Promise<StepResult> {
  // untrusted: the output was written by a guest.
  if (!result.success) return result;
  const broken = (await manifest?.(result.output)) ?? [];
  if (broken.length > 0) return violation(result, 'ERR_OUTPUT_SCHEMA', "the handler's output schema", broken);
  const unexpected = (await template?.(result.output)) ?? [];
  if (unexpected.length > 0)
    return violation(result, 'ERR_RESULT_SCHEMA', "the step's result_schema", unexpected);
  return result;
}

function violation(
  result: StepResult,
  code: 'ERR_OUTPUT_SCHEMA' | 'ERR_RESULT_SCHEMA',
  schema: string,
  faults: readonly SchemaFault[],
): StepResult {
  const message = `the output violates ${schema}: ${describeFaults(faults)}`;
  return {
    ...result,
    success: false,
    output: {},
    error: { code, message, errorType: 'validation_error', retryable: false, retryAfterMs: null },
  };
}
