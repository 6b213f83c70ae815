import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffSeconds } from '../../src/standalone/engine/backoff.ts';
import { branchesOf, initialSteps } from '../../src/standalone/engine/graph.ts';
import { readTemplate } from '../../src/standalone/engine/template.ts';
import { transitionStep, transitionTask } from '../../src/standalone/engine/transitions.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

describe('the backoff', () => {
  it.each([
    [1, 2],
    [2, 4],
    [3, 8],
    [11, 2048],
    [12, 3600],
    [1000, 3600],
  ])('after %i attempts is %i s without jitter', (attempts, seconds) => {
    expect(backoffSeconds({}, attempts, NOW_MS, () => 0.5)).toBe(seconds);
  });

  it('varies by at most 15 %, in whole seconds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempts, dice) => {
          const middle = Math.min(2 ** attempts, 3600);
          const seconds = backoffSeconds({}, attempts, NOW_MS, () => dice);
          expect(Number.isInteger(seconds)).toBe(true);
          expect(Math.abs(seconds - middle)).toBeLessThanOrEqual(middle * 0.15);
        },
      ),
    );
  });

  it.each([
    ['0', 0],
    ['7', 7],
    ['999999', 3600],
    ['Thu, 01 Jan 2026 00:01:30 GMT', 90],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 2],
    ['-5', 2],
    ['soon', 2],
  ])('with retry-after %s is %i s', (header, seconds) => {
    expect(backoffSeconds({ 'Retry-After': header }, 1, NOW_MS, () => 0.5)).toBe(seconds);
  });
});

const step = (name: string, dependencies: string[] = [], type = 'standard') => ({
  name,
  type,
  dependencies,
  handler: { callable: 'x' },
});
const names = (steps: readonly { name: string }[]): string[] => steps.map((s) => s.name).sort();

describe('the steps of a template', () => {
  const nested = readTemplate(
    {
      steps: [
        step('start'),
        step('side', ['start']),
        step('outer', ['start'], 'decision'),
        step('deep', ['outer']),
        step('inner', ['deep'], 'decision'),
        step('left', ['inner']),
        step('right', ['inner']),
        step('flat', ['outer']),
        step('join', ['left', 'right', 'flat'], 'deferred_convergence'),
        step('end', ['join']),
      ],
    },
    'nested',
  );
  const branches = (decision: string, ...asked: string[]) => {
    const result = branchesOf(nested, decision, asked);
    return result.allowed ? names(result.steps) : result.reason;
  };

  it('that a decision controls do not exist at first', () => {
    expect(names(initialSteps(nested))).toEqual(['outer', 'side', 'start']);
  });

  it('of a branch end at the next decision', () => {
    expect(branches('outer', 'deep')).toEqual(['deep', 'inner']);
    expect(branches('inner', 'left')).toEqual(['end', 'join', 'left']);
  });

  it('of any branch bring the next decision along, as in Tasker, and it cannot be asked for by name', () => {
    expect(branches('outer', 'flat')).toEqual(['end', 'flat', 'inner', 'join']);
    expect(branches('outer', 'inner')).toMatch(/"inner" is not a step downstream of "outer"/);
  });

  it('of another part of the template are refused to a decision', () => {
    expect(branches('outer', 'left')).toMatch(/"left" is not a step downstream of "outer"/);
    expect(branches('inner', 'side')).toMatch(/"side"/);
    expect(branches('inner', ...Array.from({ length: 101 }, () => 'left'))).toMatch(/at most 100/);
  });

  it('have the defaults of Tasker, also under its other names', () => {
    const { steps } = readTemplate(
      {
        steps: [
          step('a'),
          { name: 'b', step_type: 'decision', depends_on: ['a'], handler: { callable: 'x' } },
        ],
      },
      'aliases',
    );
    expect(steps).toEqual([
      {
        name: 'a',
        type: 'standard',
        dependencies: [],
        initialization: {},
        retryable: true,
        maxAttempts: 3,
        batchConfig: null,
      },
      {
        name: 'b',
        type: 'decision',
        dependencies: ['a'],
        initialization: {},
        retryable: true,
        maxAttempts: 3,
        batchConfig: null,
      },
    ]);
  });
});

describe('a transition that the orchestrator does not make', () => {
  const noDatabase = null as never;
  it('is refused before the database is asked', async () => {
    await expect(transitionStep(noDatabase, 'uuid', 'enqueued', 'in_progress')).rejects.toThrow(
      /must not go from/,
    );
    await expect(transitionTask(noDatabase, 'uuid', 'complete', 'pending')).rejects.toThrow(
      /must not go from/,
    );
  });
});
