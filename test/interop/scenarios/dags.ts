import { describe, expect, it } from 'vitest';
import type { Interop, Observed } from '../interop.ts';

/** Tasks created at the same time. Far more of them than a server has connections and it locks itself up (docs/tasker.md). */
const AT_ONCE = 8;

/** Steps run in the order of their dependencies, once each, with the results of those before them. */
export function dagScenarios(interop: () => Interop): void {
  const allOnce = (...names: string[]) => names.toSorted().map((name) => [name, 'complete', 1]);

  describe('graphs', () => {
    it('a row of steps hands results on, to steps that are no neighbours too', async () => {
      const seen = await interop().run('linear', { start: 'zero' });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual(allOnce('linear_one', 'linear_two', 'linear_three', 'linear_four'));
      expect(seen.results('linear_four').result).toEqual({
        first: 'zero one',
        trail: 'zero one two three four',
      });
    });

    it('a diamond joins what its two sides found', async () => {
      const seen = await interop().run('diamond', { orders: [{ amount: 5 }, { amount: 12 }, { amount: 3 }] });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual(allOnce('diamond_top', 'diamond_left', 'diamond_right', 'diamond_bottom'));
      expect(seen.results('diamond_bottom').result).toEqual({ sum: 20, largest: 12 });
    });

    it('seven steps with nine edges run in an order that every edge allows', async () => {
      const seen = await interop().run('seven_steps', { start: 'a' });
      expect(seen.task.status).toBe('complete');
      expect(seen.steps).toEqual(allOnce(...'abcdefg'.split('').map((letter) => `seven_${letter}`)));
      expect(seen.step('seven_f').total_parents).toBe(3);
      expect(seen.results('seven_g').result).toEqual({ n: 'ab+ad+(ab+ac)' });
    });

    it('the leaves of a tree come together', async () => {
      const seen = await interop().run('tree');
      expect(seen.task).toMatchObject({ status: 'complete', total_steps: 8, completed_steps: 8 });
      expect(seen.step('tree_leaves')).toMatchObject({ total_parents: 4, completed_parents: 4, attempts: 1 });
      expect(seen.results('tree_leaves').result).toEqual([
        { leaf: 'root/l/1' },
        { leaf: 'root/l/2' },
        { leaf: 'root/r/1' },
        { leaf: 'root/r/2' },
      ]);
    });

    it('a task does not get the members of its context that Tasker takes for scripts', async () => {
      const { task } = await interop().run('single', { number: 1, online: true, a: { script: 1, b: '<b>' } });
      expect(task.context).toMatchObject({ number: 1, a: { b: '<b>' } });
      expect(JSON.stringify(task.context)).not.toMatch(/online|script/);
    });

    it('results that come back faster than their task is enqueued are not lost', async () => {
      const numbers = Array.from({ length: 40 }, (_, number) => number);
      const seen: Observed[] = [];
      for (const wave of chunks(numbers, AT_ONCE)) {
        seen.push(...(await Promise.all(wave.map((number) => interop().run('single', { number })))));
      }
      expect(seen.map(({ task }) => task.status)).toEqual(numbers.map(() => 'complete'));
      expect(seen.map(({ steps }) => steps)).toEqual(numbers.map(() => allOnce('single_step')));
      expect(seen.map(({ results }) => results('single_step').result)).toEqual(
        numbers.map((number) => ({ number })),
      );
    });
  });
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
