import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepResult } from '../../src/model/step-result.ts';
import type { ClaimedStep, StepQueue } from '../../src/queue/step-queue.ts';

/** What the suite needs of an implementation beside the port itself. */
export interface QueueUnderTest {
  readonly queue: StepQueue;
  /** Makes a step ready and returns its id. At most three attempts, retries wait for `retryAfterMs` only. */
  enqueue(name: string): Promise<string>;
  /** Moves a step on as somebody else would. */
  cancel(stepUuid: string): Promise<void>;
  /** Makes a step ready again whose retry is due. What an orchestrator does, or nothing where the queue does it. */
  redeliver(stepUuid: string): Promise<void>;
  stop(): Promise<void>;
}

const SUCCESS: StepResult = {
  success: true,
  output: { done: true },
  error: null,
  handlerVersion: 'hello@1.0.0',
  startedAtMs: 1,
  executionMs: 1,
  custom: {},
};

const RETRYABLE: StepResult = {
  ...SUCCESS,
  success: false,
  output: {},
  error: {
    code: 'ERR_LANE_LOST',
    message: 'the lane was lost',
    errorType: 'retryable_error',
    retryable: true,
    retryAfterMs: 0,
  },
};

/** What every StepQueue does. Run over each implementation. */
export function describeStepQueue(name: string, start: () => Promise<QueueUnderTest>): void {
  describe(`a step queue ${name}`, () => {
    let under: QueueUnderTest;

    beforeEach(async () => {
      under = await start();
    });

    afterEach(() => under.stop());

    const claimOne = async (): Promise<ClaimedStep> => {
      const [step] = await under.queue.claim(1);
      if (step === undefined) throw new Error('nothing to claim');
      return step;
    };

    it('has nothing to claim when nothing is ready', async () => {
      expect(await under.queue.claim(10)).toEqual([]);
    });

    it('claims a ready step once, with its first attempt', async () => {
      const stepUuid = await under.enqueue('one');
      const step = await claimOne();
      expect(step.invocation).toMatchObject({ stepUuid, stepName: 'one', attempt: 1, maxAttempts: 3 });
      expect(step.claimedAtMs).toBeGreaterThanOrEqual(0);
      expect(await under.queue.claim(10)).toEqual([]);
    });

    it('claims in the order of arrival and never more than there are slots', async () => {
      const ids = [await under.enqueue('one'), await under.enqueue('two'), await under.enqueue('three')];
      expect(await under.queue.claim(0)).toEqual([]);
      const first = await under.queue.claim(2);
      const rest = await under.queue.claim(2);
      expect([first, rest].map((steps) => steps.length)).toEqual([2, 1]);
      expect([...first, ...rest].map(({ invocation }) => invocation.stepUuid)).toEqual(ids);
    });

    it('never hands out a step twice to claims at the same time', async () => {
      const ids = [await under.enqueue('one'), await under.enqueue('two')];
      const claims = await Promise.all([1, 2, 3, 4].map(() => under.queue.claim(1)));
      expect(
        claims
          .flat()
          .map(({ invocation }) => invocation.stepUuid)
          .sort(),
      ).toEqual(ids.sort());
    });

    it('accepts one result for a claim', async () => {
      await under.enqueue('one');
      const step = await claimOne();
      expect(await under.queue.settle(step, SUCCESS)).toMatchObject({ settlement: 'settled' });
      expect(await under.queue.settle(step, SUCCESS)).toMatchObject({ settlement: 'lost' });
      expect(await under.queue.claim(10)).toEqual([]);
    });

    it('accepts no result for a step that somebody else moved on', async () => {
      const stepUuid = await under.enqueue('one');
      const step = await claimOne();
      await under.cancel(stepUuid);
      expect(await under.queue.settle(step, SUCCESS)).toMatchObject({ settlement: 'lost' });
    });

    it('tells that a claimed step was cancelled', async () => {
      const stepUuid = await under.enqueue('one');
      await under.enqueue('two');
      const lost = new Set<string>();
      under.queue.onLost((step) => lost.add(step));
      expect(await under.queue.claim(2)).toHaveLength(2);
      await under.cancel(stepUuid);
      await expect.poll(() => [...lost], { timeout: 10_000 }).toEqual([stepUuid]);
    });

    it('does not claim a step that was cancelled before', async () => {
      await under.cancel(await under.enqueue('one'));
      expect(await under.queue.claim(10)).toEqual([]);
    });

    it('brings a retryable failure back as the next attempt, and drops a late result of the one before', async () => {
      const stepUuid = await under.enqueue('one');
      const first = await claimOne();
      expect(await under.queue.settle(first, RETRYABLE)).toMatchObject({ settlement: 'settled' });
      await under.redeliver(stepUuid);
      const second = await claimOne();
      expect(second.invocation).toMatchObject({ stepUuid, attempt: 2 });
      expect(await under.queue.settle(first, SUCCESS)).toMatchObject({ settlement: 'lost' });
      expect(await under.queue.settle(second, SUCCESS)).toMatchObject({ settlement: 'settled' });
    });

    it('says when there may be something to claim, until the listener stops', async () => {
      const ready = new Promise<void>((resolve) => {
        const stop = under.queue.onReady(() => {
          stop();
          resolve();
        });
      });
      await under.enqueue('one');
      await ready;
      expect(await under.queue.claim(1)).toHaveLength(1);
    });

    it('claims nothing any more after it was closed', async () => {
      await under.enqueue('one');
      await under.queue.close();
      expect(await under.queue.claim(1)).toEqual([]);
    });
  });
}
