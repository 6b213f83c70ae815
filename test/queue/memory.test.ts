import { describe, expect, it } from 'vitest';
import type { StepResult } from '../../src/model/step-result.ts';
import { createMemoryQueue } from '../../src/queue/memory.ts';
import { stepInvocation } from '../support/invocations.ts';
import { describeStepQueue } from './conformance.ts';

describeStepQueue('in memory', async () => {
  const queue = createMemoryQueue();
  return {
    queue,
    async enqueue(name) {
      const invocation = stepInvocation({ stepName: name });
      queue.enqueue(invocation);
      return invocation.stepUuid;
    },
    cancel: async (stepUuid) => queue.cancel(stepUuid),
    redeliver: async () => {},
    stop: () => queue.close(),
  };
});

const failure = (retryable: boolean, retryAfterMs: number | null): StepResult => ({
  success: false,
  output: {},
  error: { code: 'x', message: 'm', errorType: 'handler_error', retryable, retryAfterMs },
  handlerVersion: null,
  startedAtMs: 0,
  executionMs: 0,
  custom: {},
});

describe('the queue in memory', () => {
  const start = () => {
    let nowMs = 0;
    const delays: number[] = [];
    const queue = createMemoryQueue({
      now: () => nowMs,
      schedule: (_callback, delayMs) => {
        delays.push(delayMs);
        return () => {};
      },
    });
    const fail = async (result: StepResult) => {
      const [step] = await queue.claim(1);
      if (step === undefined) throw new Error('nothing to claim');
      await queue.settle(step, result);
      return step.invocation.attempt;
    };
    return { queue, delays, fail, advance: (ms: number) => (nowMs += ms) };
  };

  it('holds a retry back until its delay is over', async () => {
    const { queue, delays, fail, advance } = start();
    queue.enqueue(
      stepInvocation({
        stepName: 'one',
        retry: { backoff: 'linear', backoffBaseMs: 300, maxBackoffMs: null },
      }),
    );
    await fail(failure(true, null));
    expect(delays).toEqual([0, 300]);
    expect(queue.depth).toBe(1);
    advance(299);
    expect(await queue.claim(1)).toEqual([]);
    advance(1);
    expect(await fail(failure(true, 7000))).toBe(2);
    advance(7000);
    expect((await queue.claim(1))[0]?.invocation.attempt).toBe(3);
  });

  it('retries neither a permanent failure nor one that has used up its attempts', async () => {
    const { queue, fail } = start();
    const step = stepInvocation({ stepName: 'one', maxAttempts: 2 });
    queue.enqueue(step);
    await fail(failure(true, 0));
    await fail(failure(true, 0));
    expect(queue.depth).toBe(0);
    expect(queue.resultOf(step.stepUuid)).toEqual(failure(true, 0));
    queue.enqueue(stepInvocation({ stepName: 'two' }));
    await fail(failure(false, null));
    expect(queue.depth).toBe(0);
  });
});
