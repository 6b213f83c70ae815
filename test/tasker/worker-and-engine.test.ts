import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/model/json.ts';
import type { StepResult } from '../../src/model/step-result.ts';
import type { ClaimedStep } from '../../src/queue/step-queue.ts';
import { type Engine, startEngine } from '../../src/standalone/index.ts';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { TaskTemplate } from '../../src/tasker/template.ts';
import { createFixture, type Fixture } from './fixture.ts';

/** What a handler is here: from the claimed step to its output, or to an error. */
type Handler = (step: ClaimedStep) => JsonValue | { readonly fail: 'retryable' | 'permanent' };

const result = (reply: ReturnType<Handler>): StepResult => {
  const fail = typeof reply === 'object' && reply !== null && 'fail' in reply ? reply['fail'] : null;
  return {
    success: fail === null,
    output: fail === null ? (reply as JsonValue) : {},
    error:
      fail === null
        ? null
        : {
            code: 'failed',
            message: 'as asked',
            errorType: 'handler_error',
            retryable: fail === 'retryable',
            retryAfterMs: null,
          },
    handlerVersion: null,
    startedAtMs: Date.now(),
    executionMs: 1,
    custom: {},
  };
};

describe('the worker against the standalone orchestrator', () => {
  let fixture: Fixture;
  let queue: TaskerQueue;
  let engine: Engine;
  const ran: string[] = [];

  beforeEach(async () => {
    fixture = await createFixture();
    queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    engine = await startEngine({ databaseUrl: fixture.ownerUrl, pollMs: 20 });
    ran.length = 0;
  });

  afterEach(async () => {
    await engine.stop();
    await queue.close();
    await fixture.close();
  });

  /** Runs every step that comes until the task has ended. */
  const run = async (steps: readonly object[], handlers: Readonly<Record<string, Handler>>) => {
    const template = TaskTemplate.parse({
      name: 'flow',
      namespace_name: fixture.namespace,
      version: '1.0.0',
      steps,
    });
    expect(await queue.registerTemplate(template)).toMatchObject({ allowed: true });
    const stop = queue.onReady(async () => {
      for (const step of await queue.claim(10)) {
        ran.push(`${step.invocation.stepName}#${step.invocation.attempt}`);
        const handler = handlers[step.invocation.callable] ?? (() => null);
        await queue.settle(step, result(handler(step)));
      }
    });
    const { taskUuid } = await engine.submit({
      namespace: fixture.namespace,
      name: 'flow',
      version: '1.0.0',
      context: { base: 20 },
      initiator: 'test',
      sourceSystem: 'test',
      reason: 'test',
    });
    const ended = ['complete', 'error', 'blocked_by_failures'];
    await expect
      .poll(async () => (await engine.task(taskUuid)).status, { timeout: 20_000 })
      .toSatisfy((status: string) => ended.includes(status));
    stop();
    return engine.task(taskUuid);
  };

  it('completes a diamond, with the results of upstream steps where they are referred to', async () => {
    const sum: Handler = ({ invocation }) => {
      const { left, right } = invocation.dependencies as Record<string, number>;
      return (left ?? 0) + (right ?? 0);
    };
    const task = await run(
      [
        { name: 'top', handler: { callable: 'base' } },
        { name: 'left', handler: { callable: 'base' }, dependencies: ['top'] },
        { name: 'right', handler: { callable: 'base' }, dependencies: ['top'] },
        {
          name: 'sum',
          handler: {
            callable: 'sum',
            initialization: { of: `\${steps.left.result}`, and: `\${steps.right.result}` },
          },
          dependencies: ['left', 'right'],
        },
      ],
      { base: ({ invocation }) => Number(invocation.context['base']) + 1, sum },
    );
    expect(task.status).toBe('complete');
    expect(task.steps.map(({ name, state, attempts }) => [name, state, attempts])).toEqual([
      ['top', 'complete', 1],
      ['left', 'complete', 1],
      ['right', 'complete', 1],
      ['sum', 'complete', 1],
    ]);
    expect(task.steps.at(-1)?.results).toMatchObject({ result: 42 });
    expect(ran.toSorted()).toEqual(['left#1', 'right#1', 'sum#1', 'top#1']);
  });

  it('runs a failing step again until it succeeds', async () => {
    const task = await run(
      [{ name: 'flaky', handler: { callable: 'flaky' }, retry: { max_attempts: 4, backoff: 'none' } }],
      { flaky: ({ invocation }) => (invocation.attempt < 3 ? { fail: 'retryable' } : 'third time') },
    );
    expect(task.status).toBe('complete');
    expect(ran).toEqual(['flaky#1', 'flaky#2', 'flaky#3']);
  });

  it.each([
    ['after the last attempt', 'retryable', ['hopeless#1', 'hopeless#2']],
    ['at once after a permanent failure', 'permanent', ['hopeless#1']],
  ] as const)('gives up %s', async (_when, fail, expected) => {
    const task = await run(
      [{ name: 'hopeless', handler: { callable: 'no' }, retry: { max_attempts: 2, backoff: 'none' } }],
      { no: () => ({ fail }) },
    );
    expect(task.steps[0]).toMatchObject({ state: 'error', attempts: expected.length });
    expect(ran).toEqual(expected);
  });

  it('takes the branch that a decision names', async () => {
    const task = await run(
      [
        { name: 'start', handler: { callable: 'x' } },
        { name: 'choose', type: 'decision', handler: { callable: 'choose' }, dependencies: ['start'] },
        { name: 'taken', handler: { callable: 'x' }, dependencies: ['choose'] },
        { name: 'skipped', handler: { callable: 'x' }, dependencies: ['choose'] },
      ],
      { choose: () => ({ decision_point_outcome: { type: 'create_steps', step_names: ['taken'] } }) },
    );
    expect(task.status).toBe('complete');
    expect(ran).toEqual(['start#1', 'choose#1', 'taken#1']);
  });
});
