import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAULT_NAMES, planFault } from './faults.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { createRandom } from './random.ts';
import { runOnce } from './run.ts';

/** One fault of each kind, with a seed. The whole matrix is `npm run chaos`. */
const SHORT = [
  ['kill after claim', 1],
  ['kill in the guest', 2],
  ['kill while waiting', 3],
  ['kill before settlement', 4],
  ['kill one of three in the guest', 5],
  ['drain in the guest', 6],
  ['lanes in the guest', 7],
  ['postgres before settlement', 8],
  ['cut COMPLETE_STEPS', 10],
] as const;

describe('every task completes, each step once, when there is a', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgresServer();
  });
  afterAll(() => server.stop());

  it.each(SHORT)('%s (seed %i)', { timeout: 360_000 }, async (name, seed) => {
    const { violations } = await runOnce(server, name, seed);
    expect(violations).toEqual([]);
  });
});

describe('the plan of a fault', () => {
  it.each(FAULT_NAMES)('%s is the same for the same seed', (name) => {
    expect(planFault(name, createRandom(5))).toEqual(planFault(name, createRandom(5)));
  });
});
