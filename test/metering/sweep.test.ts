import { describe, it } from 'vitest';
import { PROGRAMS } from './support/programs.ts';
import { metered } from './support/run.ts';
import { history, sweep } from './support/sweep.ts';

const PLENTY = 1n << 40n;

describe('for every fuel from 0 to the total', () => {
  for (const { name, bytes, calls } of PROGRAMS) {
    const run = metered(bytes);
    for (const [entry, ...args] of calls) {
      const total = Number(run(entry, PLENTY, ...args).used);
      const ends = run(entry, PLENTY, ...args).error === undefined;
      if (!ends || total > 5000) continue;
      it(`${name}: ${entry}(${args.join(', ')}) stops at the right place, monotonically (${total})`, () => {
        sweep((fuel) => run(entry, fuel, ...args), history(bytes, entry, args));
      });
    }
  }
});
