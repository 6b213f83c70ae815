import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RetryPolicy } from '../../src/model/invocation.ts';
import { retryDelayMs } from '../../src/queue/retry-delay.ts';
import { StepExecutionResult, toStepExecutionResult } from '../../src/tasker/step-execution-result.ts';

const policy = (backoff: RetryPolicy['backoff'], base: number | null, max: number | null): RetryPolicy => ({
  backoff,
  backoffBaseMs: base,
  maxBackoffMs: max,
});

const identity = (attempt: number, retry: RetryPolicy, retryable = true) => ({
  stepUuid: '0190a000-0000-7000-8000-000000000001',
  workerUuid: '0190a000-0000-7000-8000-000000000002',
  hostname: null,
  attempt,
  retry,
  retryable,
});

const failed = (retryAfterMs: number | null, retryable = true) => ({
  success: false,
  output: {},
  error: { code: 'x', message: 'm', errorType: 'timeout', retryable, retryAfterMs },
  handlerVersion: null,
  startedAtMs: 1,
  executionMs: 1,
  custom: {},
});

const headers = (attempt: number, retry: RetryPolicy, retryAfterMs: number | null, retryable = true) =>
  toStepExecutionResult(identity(attempt, retry), failed(retryAfterMs, retryable)).record
    .orchestration_metadata?.headers;

describe('the delay before a retry', () => {
  it.each([
    ['exponential', 500, null, [500, 1000, 2000, 4000, 8000]],
    ['exponential', 500, 3000, [500, 1000, 2000, 3000, 3000]],
    ['exponential', null, 3000, [1000, 2000, 3000, 3000, 3000]],
    ['exponential', null, null, [null, null, null, null, null]],
    ['linear', 500, 1600, [500, 1000, 1500, 1600, 1600]],
    ['linear', null, null, [1000, 2000, 3000, 4000, 5000]],
    ['fibonacci', 100, null, [100, 100, 200, 300, 500]],
    ['none', 500, 1000, [0, 0, 0, 0, 0]],
  ] as const)('grows as %s with base %s and maximum %s says', (backoff, base, max, expected) => {
    const delays = [1, 2, 3, 4, 5].map((attempt) => retryDelayMs(policy(backoff, base, max), attempt));
    expect(delays).toEqual(expected);
  });

  it('is sent in whole seconds, rounded up, for at most 50 minutes', () => {
    const none = policy('exponential', null, null);
    expect(headers(1, none, 1)).toEqual({ 'retry-after': '1' });
    expect(headers(1, none, 1001)).toEqual({ 'retry-after': '2' });
    expect(headers(1, none, 0)).toEqual({ 'retry-after': '0' });
    expect(headers(1, none, 7_200_000)).toEqual({ 'retry-after': '3000' });
    expect(headers(99, policy('exponential', 1000, null), null)).toEqual({ 'retry-after': '3000' });
    expect(headers(99, policy('fibonacci', 1000, null), null)).toEqual({ 'retry-after': '3000' });
  });

  it("prefers the failure's own delay to the template's, and is left to Tasker where neither says", () => {
    expect(headers(1, policy('linear', 9000, null), 2000)).toEqual({ 'retry-after': '2' });
    expect(headers(1, policy('linear', 9000, null), null)).toEqual({ 'retry-after': '9' });
    expect(headers(1, policy('exponential', null, null), null)).toEqual({});
  });

  it('is not sent with a permanent failure', () => {
    expect(headers(1, policy('linear', 9000, null), 2000, false)).toEqual({});
  });
});

describe('a step execution result', () => {
  it('always passes the schema that Tasker needs, whatever was reported', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const error = fc.record({
      code: text,
      message: text,
      errorType: text,
      retryable: fc.boolean(),
      retryAfterMs: fc.option(fc.nat(10_000_000)),
    });
    const result = fc.record({
      success: fc.boolean(),
      output: fc.jsonValue() as fc.Arbitrary<never>,
      error: fc.option(error),
      handlerVersion: fc.option(text),
      startedAtMs: fc.nat(),
      executionMs: fc.double({ min: -1, max: 1e9, noNaN: true }),
      custom: fc.dictionary(text, fc.jsonValue()) as fc.Arbitrary<never>,
    });
    fc.assert(
      fc.property(result, fc.integer({ min: 1, max: 200 }), fc.boolean(), (reported, attempt, retryable) => {
        const { record } = toStepExecutionResult(
          identity(attempt, policy('fibonacci', 1, null), retryable),
          reported,
        );
        expect(StepExecutionResult.safeParse(JSON.parse(JSON.stringify(record))).success).toBe(true);
        expect(record.metadata.retryable).toBe(record.error?.retryable ?? false);
        expect(record.success).toBe(record.orchestration_metadata === null);
      }),
    );
  });

  it.each([
    ['metadata that Tasker would not retry by', { metadata: { retryable: true } }],
    ['half an orchestration_metadata', { orchestration_metadata: { headers: {} } }],
    ['a status that contradicts success', { status: 'failed' }],
    ['a field Tasker does not know', { extra: 1 }],
  ])('is refused with %s', (_what, change) => {
    const { record } = toStepExecutionResult(identity(1, policy('none', null, null)), {
      ...failed(null),
      success: true,
      error: null,
    });
    expect(StepExecutionResult.safeParse(record).success).toBe(true);
    const changed = {
      ...record,
      ...change,
      metadata: { ...record.metadata, ...('metadata' in change ? change.metadata : {}) },
    };
    expect(StepExecutionResult.safeParse(changed).success).toBe(false);
  });
});
