import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/model/json.ts';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture, readStep } from './fixture.ts';

const step = (name: string, dependencies: string[] = [], more: object = {}) => ({
  name,
  dependencies,
  handler: { callable: 'x' },
  ...more,
});
const decision = (outcome: unknown): JsonValue => ({ decision_point_outcome: outcome }) as JsonValue;
const batch = (outcome: unknown): JsonValue => ({ batch_processing_outcome: outcome }) as JsonValue;
const cursors = (...ids: string[]) =>
  ids.map((batch_id) => ({ batch_id, start_cursor: 0, end_cursor: 1, batch_size: 1 }));

const STEPS = [
  step('source'),
  step('choose', ['source'], { type: 'decision' }),
  step('left', ['choose']),
  step('after_left', ['left']),
  step('second', ['choose'], { type: 'decision' }),
  step('beyond', ['second']),
  step('unrelated', ['source']),
  step('analyse', ['source'], {
    type: 'batchable',
    handler: { callable: 'x', initialization: { worker_template_name: 'work' } },
  }),
  step('bare', ['source'], { type: 'batchable' }),
  step('work', ['analyse'], { type: 'batch_worker' }),
];

describe('the outcome of a step that creates others', () => {
  let fixture: Fixture;
  let queue: TaskerQueue;

  beforeAll(async () => {
    fixture = await createFixture();
    queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
  });

  afterAll(async () => {
    await queue.close();
    await fixture.close();
  });

  const settle = async (name: string, output: JsonValue) => {
    const task = await fixture.createTask({ steps: STEPS });
    await task.addStep(name);
    const [claimed] = await queue.claim(1);
    if (claimed === undefined) throw new Error('nothing claimed');
    const result = {
      success: true,
      output,
      error: null,
      handlerVersion: 'x@1.0.0',
      startedAtMs: 0,
      executionMs: 0,
      custom: {},
    };
    const { refused } = await queue.settle(claimed, result);
    return { refused, row: await readStep(fixture, claimed.invocation.stepUuid) };
  };

  it.each([
    ['choose', decision({ type: 'no_branches' })],
    ['choose', decision({ type: 'create_steps', step_names: ['left'] })],
    ['choose', decision({ type: 'create_steps', step_names: ['left', 'after_left', 'second'] })],
    ['analyse', batch({ type: 'no_batches' })],
    [
      'analyse',
      batch({
        type: 'create_batches',
        worker_template_name: 'work',
        worker_count: 2,
        cursor_configs: cursors('001', '002'),
        total_items: 2,
      }),
    ],
    ['left', decision('not looked at: this step creates nothing')],
  ])('that fits is reported: %s %j', async (name, output) => {
    const { refused, row } = await settle(name, output);
    expect(refused).toBeNull();
    expect(row).toMatchObject({ state: 'enqueued_for_orchestration', results: { result: output } });
  });

  const batches = (more: object) =>
    batch({
      type: 'create_batches',
      worker_template_name: 'work',
      worker_count: 1,
      cursor_configs: cursors('001'),
      total_items: 1,
      ...more,
    });

  it.each([
    ['choose', {}, /a decision: decision_point_outcome/],
    ['choose', decision({ type: 'create_steps', step_names: [] }), /step_names/],
    ['choose', decision({ type: 'create_steps', step_names: ['unrelated'] }), /"unrelated" is no step down/],
    ['choose', decision({ type: 'create_steps', step_names: ['beyond'] }), /"beyond" is no step down/],
    [
      'choose',
      decision({ type: 'create_steps', step_names: Array.from({ length: 101 }, () => 'left') }),
      /at most 100 steps, got 101/,
    ],
    ['analyse', decision({ type: 'no_branches' }), /a batch: batch_processing_outcome/],
    ['analyse', batches({ worker_template_name: 'left' }), /"left" is no batch worker.*expected "work"/],
    ['analyse', batches({ worker_count: 2 }), /worker_count is 2, but there are 1 cursor_configs/],
    ['analyse', batches({ worker_count: 2, cursor_configs: cursors('1', '1') }), /one batch_id/],
    ['analyse', batches({ cursor_configs: cursors('a b') }), /batch_id/],
    ['analyse', batches({ cursor_configs: cursors('x'.repeat(124)) }), /128 characters/],
    [
      'analyse',
      batches({
        worker_count: 1001,
        cursor_configs: cursors(...Array.from({ length: 1001 }, (_, n) => `${n}`)),
      }),
      /at most 1000 workers, got 1001/,
    ],
    // Looking at each of these would take the broker's thread for seconds.
    ['analyse', batches({ cursor_configs: Array(200_000).fill({}) }), /at most 1000 workers, got 200000/],
    [
      'choose',
      decision({ type: 'create_steps', step_names: Array(200_000).fill({}) }),
      /at most 100 steps, got 200000/,
    ],
    ['bare', batch({ type: 'no_batches' }), /worker_template_name/],
  ])('that does not fit is a permanent error, and names what would: %s %#', async (name, output, message) => {
    const { refused, row } = await settle(name, output as JsonValue);
    expect(refused).toMatchObject({ code: 'ERR_OUTCOME_INVALID', retryable: false });
    expect(refused?.message).toMatch(message);
    expect(row).toMatchObject({
      state: 'enqueued_as_error_for_orchestration',
      results: { success: false, metadata: { retryable: false, error_code: 'ERR_OUTCOME_INVALID' } },
    });
  });
});
