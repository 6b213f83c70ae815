import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess } from './broker-process.ts';
import { readHistory } from './history.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { TEMPLATE } from './setup.ts';
import { approve, completed, openStage, type Stage } from './stage.ts';
import { findViolations } from './violations.ts';

/** Tasks that are under way all the time. */
const LOAD = 4;
const POLL_MS = 10;

interface Named extends BrokerProcess {
  readonly name: string;
}

/** Keeps tasks under way and decides what waits, until it is stopped. Returns how many tasks there were. */
function startLoad({ database, orchestrator }: Stage): { stop(): Promise<number> } {
  let submitted = 0;
  let stopping = false;
  const load = async (): Promise<number> => {
    while (!stopping) {
      const { rowCount } = await database.pool.query(`SELECT FROM tasks WHERE NOT complete`);
      for (let open = rowCount ?? 0; open < LOAD; open += 1) {
        submitted += 1;
        await orchestrator.submit(String(submitted));
      }
      await approve(database);
      await sleep(POLL_MS);
    }
    return submitted;
  };
  const loading = load();
  return {
    stop() {
      stopping = true;
      return loading;
    },
  };
}

describe('a rolling restart under load burns no attempt and fails no task', () => {
  let server: PostgresServer;
  let stage: Stage;
  let started: number;
  beforeAll(async () => {
    server = await startPostgresServer();
  });
  afterAll(() => server.stop());
  afterEach(() => stage.close());

  const start = async (): Promise<Named> => {
    started += 1;
    const name = `broker-${started}`;
    const { configFile } = stage.setup;
    const broker = startBrokerProcess(
      { configFile, databaseUrl: stage.chaosDatabase.url, name, strike: null },
      'rolling',
    );
    await broker.ready;
    return { name, ...broker };
  };

  /** Drains a broker while one of its guests waits for an answer, which comes during the drain or after it. */
  const drain = async (broker: Named, answer: 'during' | 'after'): Promise<number | null> => {
    const called = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    stage.world.onCall = async (_task, name) => {
      if (name !== broker.name) return;
      called.resolve();
      await answered.promise;
    };
    await called.promise;
    await broker.drain();
    if (answer === 'during') answered.resolve();
    const { code } = await broker.exited;
    answered.resolve();
    return code;
  };

  const roll = async (answer: 'during' | 'after') => {
    started = 0;
    const brokers = await Promise.all([start(), start()]);
    const load = startLoad(stage);
    const exits: (number | null)[] = [];
    for (const [slot, broker] of brokers.entries()) {
      exits.push(await drain(broker, answer));
      brokers[slot] = await start();
    }
    const tasks = await load.stop();
    expect(await completed(stage.database)).toBeNull();
    for (const broker of brokers) {
      await broker.drain();
      exits.push((await broker.exited).code);
    }
    expect(exits).toEqual([0, 0, 0, 0]);
    return { tasks, steps: await readHistory(stage.database) };
  };

  it('when steps may run to their end within the grace period', { timeout: 360_000 }, async () => {
    stage = await openStage(server, { graceMs: 300_000 });
    const { tasks, steps } = await roll('during');
    const expected = {
      codes: [],
      orphans: new Set<string>(),
      lostLanes: 0,
      steps: tasks * TEMPLATE.steps.length,
    };
    expect(findViolations(steps, expected)).toEqual([]);
    expect(steps.filter(({ attempts }) => attempts !== 1)).toEqual([]);
  });

  it('when steps are broken off and given back', { timeout: 360_000 }, async () => {
    stage = await openStage(server, { graceMs: 0 });
    const { tasks, steps } = await roll('after');
    const codes = ['ERR_ABORTED'];
    const expected = {
      codes,
      orphans: new Set<string>(),
      lostLanes: 0,
      steps: tasks * TEMPLATE.steps.length,
    };
    expect(findViolations(steps, expected)).toEqual([]);
    expect(steps.filter(({ attempts }) => attempts !== 1)).toEqual([]);
    const brokenOff = steps.filter(({ transitions }) =>
      transitions.some(({ code }) => code === 'ERR_ABORTED'),
    );
    expect(brokenOff.length).toBeGreaterThanOrEqual(2);
  });
});
