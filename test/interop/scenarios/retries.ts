import { describe, expect, it } from 'vitest';
import { GIVEN_UP, type Interop } from '../interop.ts';

/** Failures that may pass are tried again, after the delay that was asked for, as often as the template says. */
export function retryScenarios(interop: () => Interop): void {
  describe('retries', () => {
    it('a step is run again until it succeeds, and the steps after it go on', async () => {
      const { taskUuid, key } = await interop().submit('retry_at_once');
      const seen = await interop().ended(taskUuid);
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['retry_after', 'complete', 1],
        ['retry_flaky', 'complete', 3],
      ]);
      expect(seen.results('retry_after').result).toEqual({ served: 3 });
      expect(interop().origin.arrivals(`/flaky/${key}/2`)).toHaveLength(3);
    });

    it("no attempt comes before the delay is over, neither Tasker's own nor the template's", async () => {
      const { taskUuid, key } = await interop().submit('retry_later');
      const seen = await interop().ended(taskUuid);
      expect(seen.steps).toEqual([
        ['later_default', 'complete', 2],
        ['later_template', 'complete', 2],
      ]);
      const waitedMs = (name: string) => {
        const [first = 0, second = 0] = interop().origin.arrivals(`/flaky/${key}-${name}/1`);
        return second - first;
      };
      // Tasker's default is 2 s, less 15 % of jitter; a retry-after is taken as it is.
      expect(waitedMs('default')).toBeGreaterThanOrEqual(1_650);
      expect(waitedMs('template')).toBeGreaterThanOrEqual(1_950);
    });

    it('a step whose retry falls due while its sibling runs is run again before that ends', async () => {
      const { taskUuid, key } = await interop().submit('retry_beside_running');
      // No poller of Tasker looks at the task meanwhile: the broker has to wake it (docs/tasker.md).
      const meanwhile = await interop().until(taskUuid, ({ steps }) => steps[0]?.[1] === 'complete');
      expect(meanwhile.steps).toEqual([
        ['beside_flaky', 'complete', 2],
        ['beside_held', 'in_progress', 1],
      ]);
      interop().origin.release(key);
      const seen = await interop().ended(taskUuid);
      expect(seen.task.status).toBe('complete');
      expect(seen.steps.at(-1)).toEqual(['beside_held', 'complete', 1]);
    });

    it('after the last attempt the step is in error, steps after it never run, steps beside it do', async () => {
      const { taskUuid, key } = await interop().submit('exhausted');
      const seen = await interop().ended(taskUuid);
      expect(seen.task).toMatchObject({ status: GIVEN_UP, failed_steps: 1 });
      expect(seen.steps).toEqual([
        ['exhausted_after', 'pending', 0],
        ['exhausted_beside', 'complete', 1],
        ['exhausted_down', 'error', 3],
      ]);
      expect(seen.results('exhausted_down')).toMatchObject({
        success: false,
        status: 'failed',
        error: { error_type: 'retryable_error', retryable: true },
        metadata: { error_code: 'http_status' },
      });
      expect(interop().origin.arrivals(`/down/${key}`)).toHaveLength(3);
    });
  });
}
