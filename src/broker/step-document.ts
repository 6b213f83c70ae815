import type { StepInvocation } from '../model/invocation.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';

/** What a handler may know about its step (`step_read`): facts that are the same on every run of this attempt. */
export function stepDocument(invocation: StepInvocation): JsonObject {
  const { batch, checkpoint } = invocation;
  return {
    task: { namespace: invocation.namespace, name: invocation.taskName, version: invocation.taskVersion },
    step: invocation.stepName,
    attempt: invocation.attempt,
    max_attempts: invocation.maxAttempts,
    correlation_id: invocation.correlationId,
    batch: batch === null ? null : { ...batch },
    checkpoint: checkpoint === null ? null : checkpointOf(checkpoint),
  };
}

/** Without the history, which grows with every checkpoint. */
function checkpointOf({
  cursor,
  items_processed,
  accumulated_results,
}: JsonObject): Record<string, JsonValue> {
  return {
    cursor: cursor ?? null,
    items_processed: items_processed ?? 0,
    accumulated_results: accumulated_results ?? null,
  };
}
