import { randomUUID } from 'node:crypto';
import { createBroker } from '../../broker/broker.ts';
import { type CatalogEntry, createCatalog } from '../../catalog/catalog.ts';
import type { Events } from '../../events.ts';
import type { Grants } from '../../model/grant.ts';
import type { StepInvocation } from '../../model/invocation.ts';
import type { JsonValue } from '../../model/json.ts';
import type { Limits } from '../../model/limits.ts';
import { createMemoryQueue, type MemoryQueue } from '../../queue/memory.ts';
import type { StepQueue } from '../../queue/step-queue.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { branchesOf, checkOutcome } from '../../tasker/outcome-checks.ts';
import type { Ended } from './observed.ts';

/** A broker for one attack. */
export interface StepRunner extends AsyncDisposable {
  /** Runs one step to its end. */
  run(
    step: Partial<StepInvocation> & { readonly callable: string },
  ): Promise<Ended & { readonly stored: JsonValue }>;
}

export interface RunnerOptions {
  readonly sandbox: Sandbox;
  readonly entries: readonly CatalogEntry[];
  readonly grants: Readonly<Record<string, Grants>>;
  readonly limits: Limits;
  readonly events: Events;
  /** The template's steps. */
  readonly outline?: JsonValue | undefined;
}

export function startRunner({
  sandbox,
  entries,
  grants,
  limits,
  events,
  outline = null,
}: RunnerOptions): StepRunner {
  const queue = createMemoryQueue();
  const kept: JsonValue[] = [];
  const broker = createBroker({
    queue: outcomesChecked(queue, outline, kept),
    sandbox,
    catalog: createCatalog(entries),
    policy: { grants, limits },
    slots: 1,
    events,
  });
  broker.start();
  return {
    async run(step) {
      const invocation = invocationOf(step);
      const { stepUuid } = invocation;
      const ended = endOf(stepUuid, events);
      queue.enqueue(invocation);
      const { outcome, code } = await ended;
      const result = queue.resultOf(stepUuid) ?? null;
      const stored = JSON.parse(JSON.stringify([result, kept])) as JsonValue;
      return { outcome, code, output: result?.output ?? null, stored };
    },
    async [Symbol.asyncDispose]() {
      await broker.drain();
      await queue.close();
    },
  };
}

/**
 * The queue as Tasker's is in this respect: an outcome that would create steps is checked before it is stored. What is
 * stored on the way to a result goes to `kept`.
 */
function outcomesChecked(queue: MemoryQueue, outline: JsonValue, kept: JsonValue[]): StepQueue {
  return {
    ...queue,
    checkpoint: (step, checkpoint) => {
      kept.push({ ...checkpoint });
      return queue.checkpoint(step, checkpoint);
    },
    park: (step, parked) => {
      kept.push({ ...parked.wait });
      return queue.park(step, parked);
    },
    settle: async (step, result) => {
      const { templateStepName: name, stepType, initialization } = step.invocation;
      const branches = branchesOf({ name, type: stepType }, initialization, outline);
      const fault = result.success ? checkOutcome(branches, result.output) : null;
      if (fault === null) return queue.settle(step, result);
      const settled = await queue.settle(step, { ...result, success: false, output: {}, error: fault });
      return { ...settled, refused: fault };
    },
  };
}

function endOf(stepUuid: string, events: Events): Promise<Omit<Ended, 'output'>> {
  return new Promise((resolve) => {
    const stop = [
      events.on('step:settled', (event) => {
        if (event.stepUuid === stepUuid) end(event);
      }),
      events.on('step:waiting', (event) => {
        if (event.stepUuid === stepUuid) end({ outcome: 'waiting', code: null });
      }),
    ];
    const end = (ended: Omit<Ended, 'output'>) => {
      for (const each of stop) each();
      resolve(ended);
    };
  });
}

function invocationOf(given: Partial<StepInvocation> & { readonly callable: string }): StepInvocation {
  return {
    taskUuid: randomUUID(),
    stepUuid: randomUUID(),
    correlationId: randomUUID(),
    namespace: 'attack',
    taskName: 'attack',
    taskVersion: '1.0.0',
    stepName: 'attack',
    templateStepName: 'attack',
    stepType: 'standard',
    attempt: 1,
    maxAttempts: 1,
    initialization: {},
    resultSchema: null,
    timeoutMs: null,
    retry: { backoff: 'none', backoffBaseMs: null, maxBackoffMs: null },
    context: {},
    batch: null,
    checkpoint: null,
    dependencies: {},
    ...given,
  };
}
