import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Queue } from '../../../src/sandbox/lanes/queue.ts';

/** What is done to the queue, with how many items. */
const deeds = fc.array(
  fc.tuple(
    fc.constantFrom('push', 'pushFirst', 'shift', 'remove', 'takeAll'),
    // More than it leaves empty in front.
    fc.oneof(fc.nat({ max: 4 }), fc.nat({ max: 3000 })),
  ),
  { maxLength: 40 },
);

it('a queue keeps its order like an array, whatever comes and goes', () => {
  fc.assert(
    fc.property(deeds, (sequence) => {
      const queue = new Queue<number>();
      let model: number[] = [];
      let next = 0;
      for (const [deed, count] of sequence) {
        const items = Array.from({ length: count }, () => next++);
        if (deed === 'push') for (const item of items) queue.push(item);
        if (deed === 'push') model.push(...items);
        if (deed === 'pushFirst') {
          queue.pushFirst(items);
          model = [...items, ...model];
        }
        if (deed === 'shift') for (const _ of items) expect(queue.shift()).toBe(model.shift() ?? null);
        if (deed === 'remove') {
          const item = model[count] ?? next;
          expect(queue.remove(item)).toBe(model.includes(item));
          model = model.filter((other) => other !== item);
        }
        if (deed === 'takeAll') expect(queue.takeAll()).toEqual(model.splice(0));
        expect([queue.size, queue.first]).toEqual([model.length, model[0] ?? null]);
      }
      expect(queue.takeAll()).toEqual(model);
    }),
  );
});
