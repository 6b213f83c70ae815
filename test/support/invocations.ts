import { randomUUID } from 'node:crypto';
import type { StepInvocation } from '../../src/model/invocation.ts';

/** A step as Tasker would deliver it, with what a test says about it. */
export function stepInvocation(given: Partial<StepInvocation>): StepInvocation {
  const stepName = given.stepName ?? 'step';
  return {
    taskUuid: randomUUID(),
    stepUuid: randomUUID(),
    correlationId: randomUUID(),
    namespace: 'wasm',
    taskName: 'task',
    taskVersion: '1.0.0',
    stepName,
    templateStepName: stepName,
    stepType: 'standard',
    callable: 'echo',
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
    ...given,
  };
}
