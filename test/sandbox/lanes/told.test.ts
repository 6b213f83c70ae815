import { expect, it } from 'vitest';
import { Told } from '../../../src/sandbox/lanes/told.ts';

it('tells each thing once, and forgets the one used longest ago when there are too many', () => {
  const told: [string, number, number | null][] = [];
  const modules = new Told<{ name: string }>(2, ({ name }, id, forgets) => told.push([name, id, forgets]));
  const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  expect([a, b, a, a, c, a, b].map((item) => modules.idOf(item))).toEqual([1, 2, 1, 1, 3, 1, 4]);
  expect(told).toEqual([
    ['a', 1, null],
    ['b', 2, null],
    ['c', 3, 2],
    ['b', 4, 3],
  ]);
});
