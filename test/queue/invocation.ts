import { randomUUID } from 'node:crypto';
import type { StepInvocation } from '../../src/model/invocation.ts';

/** A plain step that may run three times and gives no delay of its own. */
export function exampleInvocation(stepName: string, more: Partial<StepInvocation> = {}): StepInvocation {
  return {
    taskUuid: randomUUID(),
    stepUuid: randomUUID(),
    correlationId: randomUUID(),
    namespace: 'wasm_test',
    taskName: 'example',
    taskVersion: '1.0.0',
    stepName,
    templateStepName: stepName,
    stepType: 'standard',
    callable: 'hello',
    attempt: 1,
    maxAttempts: 3,
    initialization: {},
    resultSchema: null,
    timeoutMs: null,
    retry: { backoff: 'exponential', backoffBaseMs: null, maxBackoffMs: null },
    context: {},
    batch: null,
    checkpoint: null,
    dependencies: {},
    ...more,
  };
}
