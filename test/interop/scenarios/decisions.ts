import { describe, expect, it } from 'vitest';
import type { Interop } from '../interop.ts';

/** A decision creates the branches it names, and a deferred convergence waits for exactly those. */
export function decisionScenarios(interop: () => Interop): void {
  describe('decisions', () => {
    it('one branch is taken, the others never exist, and the convergence waits for the one', async () => {
      const seen = await interop().run('routing', { total: 10 });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['routing_accept', 'complete', 1],
        ['routing_choose', 'complete', 1],
        ['routing_order', 'complete', 1],
        ['routing_settle', 'complete', 1],
      ]);
      expect(seen.step('routing_settle').total_parents).toBe(1);
      expect(seen.results('routing_settle').result).toEqual({ settled: ['routing_accept'] });
    });

    it('two branches are taken at once, and the convergence waits for both', async () => {
      const seen = await interop().run('routing', { total: 5000 });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['routing_approve', 'complete', 1],
        ['routing_audit', 'complete', 1],
        ['routing_choose', 'complete', 1],
        ['routing_order', 'complete', 1],
        ['routing_settle', 'complete', 1],
      ]);
      expect(seen.step('routing_settle')).toMatchObject({ total_parents: 2, completed_parents: 2 });
    });

    it('no branch is taken, and the task is complete with the decision', async () => {
      const seen = await interop().run('routing', { total: -1 });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['routing_choose', 'complete', 1],
        ['routing_order', 'complete', 1],
      ]);
    });
  });
}
