import { describe, expect, it } from 'vitest';
import type { Interop } from '../interop.ts';

/** A broker that is replaced takes nothing from the steps that it was running. */
export function drainScenarios(interop: () => Interop): void {
  describe('draining', () => {
    it('a step that a drain broke off runs again, and the attempt does not count', async () => {
      const { taskUuid, key } = await interop().submit('held');
      await interop().origin.arrived(`/held/${key}`);
      await interop().restartBroker();
      interop().origin.release(key);
      const seen = await interop().ended(taskUuid);
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['held_after', 'complete', 1],
        ['held_running', 'complete', 1],
      ]);
      expect(interop().origin.arrivals(`/held/${key}`)).toHaveLength(2);
    });

    it('a step that waits for a person outlives the broker that parked it', async () => {
      const patient = { timeout_ms: 240_000, if_late: 'fail', if_rejected: 'fail' };
      const { taskUuid } = await interop().submit('waiting', patient);
      const stepUuid = await interop().waits(taskUuid);
      await interop().restartBroker();
      await interop().decide(stepUuid, 'approved');
      const seen = await interop().ended(taskUuid);
      expect(seen.steps).toEqual([
        ['waiting_after', 'complete', 1],
        ['waiting_gate', 'complete', 1],
      ]);
    });
  });
}
