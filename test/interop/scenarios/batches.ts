import { describe, expect, it } from 'vitest';
import { GIVEN_UP, type Interop } from '../interop.ts';

/** A batchable step creates its workers, each with its own part, and a convergence that waits for all of them. */
export function batchScenarios(interop: () => Interop): void {
  describe('batches', () => {
    it('each worker gets its own part, and the convergence waits for all', async () => {
      const seen = await interop().run('batches', { total: 25 });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['batches_join', 'complete', 1],
        ['batches_split', 'complete', 1],
        ['batches_work_001', 'complete', 1],
        ['batches_work_002', 'complete', 1],
        ['batches_work_003', 'complete', 1],
      ]);
      expect(['001', '002', '003'].map((batch) => seen.results(`batches_work_${batch}`).result)).toEqual([
        { batch: '001', sum: 45 },
        { batch: '002', sum: 145 },
        { batch: '003', sum: 110 },
      ]);
      expect(seen.step('batches_join')).toMatchObject({ total_parents: 3, completed_parents: 3 });
      expect(seen.results('batches_join').result).toEqual({ items: 25 });
    });

    it('without batches one worker that does nothing stands for them, and the convergence runs', async () => {
      const seen = await interop().run('batches', { total: 0 });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['batches_join', 'complete', 1],
        ['batches_split', 'complete', 1],
        ['batches_work_000', 'complete', 1],
      ]);
    });

    it('an outcome that names steps of no template is an error, not a branch that is missing', async () => {
      const seen = await interop().run('wrong_outcomes');
      expect(seen.task.status).toEqual(GIVEN_UP);
      expect(seen.steps).toEqual([
        ['wrong_choose', 'error', 1],
        ['wrong_split', 'error', 1],
        ['wrong_start', 'complete', 1],
      ]);
      for (const name of ['wrong_choose', 'wrong_split']) {
        expect(seen.results(name).metadata.error_code).toBe('ERR_OUTCOME_INVALID');
      }
    });
  });
}
