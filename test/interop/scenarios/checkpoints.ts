import { describe, expect, it } from 'vitest';
import type { Interop } from '../interop.ts';

/** A step that yields at checkpoints uses one attempt for all its runs; the next attempt goes on from the last one. */
export function checkpointScenarios(interop: () => Interop): void {
  describe('checkpoints', () => {
    it('a step goes on from its checkpoint, in one attempt, and after a failure in the next', async () => {
      const seen = await interop().run('checkpoints');
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual([
        ['checkpoints_count', 'complete', 1],
        ['checkpoints_resumed', 'complete', 2],
      ]);
      expect(seen.results('checkpoints_count').result).toEqual({ counted: 3, attempts: [1, 1, 1] });
      expect(seen.results('checkpoints_resumed').result).toEqual({ counted: 3, attempts: [1, 1, 2] });
    });
  });
}
