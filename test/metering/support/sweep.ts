import { hash } from 'node:crypto';
import { expect } from 'vitest';
import { Interpreter } from './interpreter.ts';
import { type Argument, memoryOf, type Run } from './run.ts';

/** The memory after each write of a run, with the fuel that the oracle had added up by then. */
export interface State {
  readonly fuel: number;
  readonly memory: string;
}

export interface History {
  readonly states: readonly State[];
  /** What the start function cost, and the call with it. */
  readonly startFuel: number;
  readonly total: number;
  readonly results: readonly unknown[];
}

/** Lets the oracle run an export in a new instance and looks at the memory after every write. */
export function history(bytes: Uint8Array, name: string, args: readonly Argument[] = []): History {
  const interpreter = new Interpreter(bytes);
  const states: State[] = [];
  const record = (): void => {
    const memory = new Uint8Array(interpreter.memory?.buffer ?? new ArrayBuffer(0));
    states.push({ fuel: interpreter.fuel, memory: fingerprint(memory) });
  };
  record();
  interpreter.onWrite = record;
  interpreter.start();
  const startFuel = interpreter.fuel;
  const results = interpreter.call(name, ...args);
  return { states, startFuel, total: interpreter.fuel, results };
}

/** Runs with every value of fuel from `from` to the total: each must stop in a state of the oracle, never an earlier one. */
export function sweep(run: (fuel: number) => Run, { states, total, results }: History, from = 0): void {
  let reached = 0;
  for (let fuel = from; fuel < total; fuel++) {
    const stopped = run(fuel);
    // Either a check stopped it, or it returned over its budget from its last straight line.
    expect(stopped.left).toBeLessThan(0n);
    if (stopped.error !== undefined) expect(stopped.error).toBe('unreachable');
    // One line of code at most, and the line is a part of what the whole run costs.
    expect(Number(stopped.used)).toBeLessThanOrEqual(total);
    const memory = fingerprint(memoryOf(stopped.exports));
    const state = states.findIndex((known, index) => index >= reached && known.memory === memory);
    if (state < 0) expect.fail(`fuel ${fuel}: memory is no state of the plain run, or an earlier one`);
    expect(states[state]?.fuel).toBeLessThanOrEqual(Number(stopped.used));
    reached = state;
  }
  expect(run(total)).toMatchObject({ error: undefined, left: 0n, results });
}

const fingerprint = (memory: Uint8Array): string => hash('sha1', memory);
