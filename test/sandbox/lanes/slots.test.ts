import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/sandbox/lanes/slots.ts';

describe('slots', () => {
  it('answer as a map from numbers does, and use the number that was freed last', () => {
    const slot = fc.nat(12);
    const step = fc.oneof(fc.constant('put' as const), slot, fc.record({ withdrawn: slot }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const slots = new Slots<{ readonly n: number }>();
        const model = new Map<number, { readonly n: number }>();
        const freed: number[] = [];
        /** Withdrawn, and not given back yet. */
        const absent: number[] = [];
        for (const [n, step] of steps.entries()) {
          if (step === 'put') {
            const slot = slots.put({ n });
            expect(slot).toBe(freed.pop() ?? model.size + absent.length);
            model.set(slot, { n });
          } else if (typeof step === 'object') {
            const { withdrawn } = step;
            expect(slots.withdraw(withdrawn)).toEqual(model.get(withdrawn));
            if (model.delete(withdrawn)) absent.push(withdrawn);
            else if (absent[0] === withdrawn) {
              slots.giveBack(withdrawn);
              freed.push(...absent.splice(0, 1));
            }
          } else {
            if (model.delete(step)) freed.push(step);
            slots.delete(step);
          }
          expect(slots.size).toBe(model.size);
          expect([...slots]).toEqual([...model].sort(([a], [b]) => a - b));
          for (let slot = 0; slot < 14; slot += 1) expect(slots.get(slot)).toEqual(model.get(slot));
        }
      }),
    );
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 32 - 1, Number.POSITIVE_INFINITY])('have nothing in slot %d', (slot) => {
    const slots = new Slots<string>();
    slots.put('a');
    expect(slots.get(slot)).toBeUndefined();
    slots.delete(slot);
    expect(slots.size).toBe(1);
  });
});
