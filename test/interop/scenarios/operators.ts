import { describe, expect, it } from 'vitest';
import { GIVEN_UP, type Interop } from '../interop.ts';

/** What an operator does to a step by hand wins over what we report, and brings no task back by itself. */
export function operatorScenarios(interop: () => Interop): void {
  const by = { reason: 'interop', completed_by: 'operator', resolved_by: 'operator', reset_by: 'operator' };

  describe('operators', () => {
    it('a step that was completed by hand while it ran keeps the result given by hand', async () => {
      const { taskUuid, key } = await interop().submit('held');
      await interop().origin.arrived(`/held/${key}`);
      const { step_uuid: stepUuid } = (await interop().observe(taskUuid)).step('held_running');
      const completion = { action_type: 'complete_manually', completion_data: { result: { by: 'hand' } } };
      await interop().rest.resolveStep(taskUuid, stepUuid, { ...by, ...completion });
      interop().origin.release(key);
      await interop().run('single', { number: 1 });
      const seen = await interop().observe(taskUuid);
      expect(seen.steps).toEqual([
        ['held_after', 'pending', 0],
        ['held_running', 'complete', 1],
      ]);
      expect(seen.step('held_running').results).toMatchObject({ result: { by: 'hand' } });
    });

    it.each([
      [{ action_type: 'resolve_manually' }, 'resolved_manually'],
      [{ action_type: 'complete_manually', completion_data: { result: {} } }, 'complete'],
      [{ action_type: 'reset_for_retry' }, 'pending'],
    ])('%o moves a failed step, and its task stays blocked', async (action, state) => {
      const failed = await interop().run('permanent');
      const { task_uuid: taskUuid } = failed.task;
      await interop().rest.resolveStep(taskUuid, failed.step('permanent_refused').step_uuid, {
        ...by,
        ...action,
      });
      const seen = await interop().observe(taskUuid);
      expect(seen.task.status).toEqual(GIVEN_UP);
      expect(seen.steps).toEqual([
        ['permanent_after', 'pending', 0],
        ['permanent_refused', state, 1],
      ]);
    });
  });
}
