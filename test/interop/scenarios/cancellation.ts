import { describe, expect, it } from 'vitest';
import type { Interop } from '../interop.ts';

/** What an operator does to a task while we work on it wins over what we report. */
export function cancellationScenarios(interop: () => Interop): void {
  describe('cancellation', () => {
    it('a result that arrives after its task was cancelled changes nothing', async () => {
      const { taskUuid, key } = await interop().submit('held');
      await interop().origin.arrived(`/held/${key}`);
      await interop().rest.cancel(taskUuid);
      const cancelled = await interop().observe(taskUuid);
      interop().origin.release(key);
      // The broker's slot is free again: a task that is submitted now runs to its end.
      expect((await interop().run('single', { number: 1 })).task.status).toBe('complete');
      const seen = await interop().observe(taskUuid);
      expect(seen.task.status).toBe('cancelled');
      expect(seen.steps).toEqual(cancelled.steps);
    });

    it('a step that waits for its next attempt is cancelled with its task', async () => {
      const { taskUuid, key } = await interop().submit('retry_far_off');
      await interop().until(taskUuid, (seen) => seen.step('far_off').current_state === 'waiting_for_retry');
      await interop().rest.cancel(taskUuid);
      const seen = await interop().ended(taskUuid);
      expect(seen.task.status).toBe('cancelled');
      expect(seen.steps).toEqual([['far_off', 'cancelled', 1]]);
      expect(interop().origin.arrivals(`/down/${key}`)).toHaveLength(1);
    });
  });
}
