import { describe, expect, it } from 'vitest';
import { Interpreter } from './support/interpreter.ts';
import { PROGRAMS } from './support/programs.ts';
import { memoryOf, metered } from './support/run.ts';

const PLENTY = 1n << 40n;

/** The memory after every write, with the fuel that the oracle had added up by then. */
function history(bytes: Uint8Array, name: string, args: readonly (number | bigint)[]) {
  const interpreter = new Interpreter(bytes);
  const states: { fuel: number; memory: string }[] = [];
  const record = (): void => {
    const memory = new Uint8Array(interpreter.memory?.buffer ?? new ArrayBuffer(0));
    states.push({ fuel: interpreter.fuel, memory: fingerprint(memory) });
  };
  record();
  interpreter.onWrite = record;
  interpreter.call(name, ...args);
  return states;
}

/** The programs write to the first 256 bytes only. */
const fingerprint = (memory: Uint8Array): string => Buffer.from(memory.subarray(0, 256)).toString('hex');

describe('for every fuel from 0 to the total', () => {
  for (const { name, bytes, calls } of PROGRAMS) {
    const run = metered(bytes);
    for (const [entry, ...args] of calls) {
      const total = Number(run(entry, PLENTY, ...args).used);
      const ends = run(entry, PLENTY, ...args).error === undefined;
      if (!ends || total > 5000) continue;
      it(`${name}: ${entry}(${args.join(', ')}) stops at the right place, monotonically (${total})`, () => {
        const states = history(bytes, entry, args);
        let reached = 0;
        for (let fuel = 0; fuel < total; fuel++) {
          const stopped = run(entry, fuel, ...args);
          // Either a check stopped it, or it returned over its budget from its last straight line.
          expect(stopped.left).toBeLessThan(0n);
          if (stopped.error !== undefined) expect(stopped.error).toBe('unreachable');
          // One line of code at most, and the line is a part of what the whole run costs.
          expect(Number(stopped.used)).toBeLessThanOrEqual(total);
          const memory = fingerprint(memoryOf(stopped.exports));
          const state = states.findIndex((known, index) => index >= reached && known.memory === memory);
          expect(
            state,
            `fuel ${fuel}: memory is no state of the plain run, or an earlier one`,
          ).toBeGreaterThanOrEqual(0);
          expect(states[state]?.fuel).toBeLessThanOrEqual(Number(stopped.used));
          reached = state;
        }
        const exact = run(entry, total, ...args);
        expect(exact).toMatchObject({ error: undefined, left: 0n });
      });
    }
  }
});
