import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/tasker/connection.ts';
import { startBrokerProcess } from './broker-process.ts';
import { readHistory } from './history.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { completed, startOrchestrator } from './run.ts';
import { createSetup, TEMPLATE } from './setup.ts';
import { findViolations } from './violations.ts';
import { startWorld } from './world.ts';

/** Tasks that are under way all the time. */
const LOAD = 4;
/** How often each of the two brokers is replaced. */
const ROUNDS = 1;

describe('a rolling restart under load', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgresServer();
  });
  afterAll(() => server.stop());

  it.each([
    ['lets steps run to their end within the grace period', { graceMs: 60_000, answersWhileDraining: true }],
    ['gives back the steps that it breaks off', { graceMs: 0, answersWhileDraining: false }],
  ] as const)('%s: no attempt is burned, no task fails', { timeout: 180_000 }, async (_what, settings) => {
    const chaosDatabase = await server.createDatabase();
    const database = openDatabase(chaosDatabase.url);
    const world = await startWorld();
    const setup = await createSetup(world, settings);
    const orchestrator = await startOrchestrator(chaosDatabase);
    let started = 0;
    const start = () => {
      started += 1;
      const name = `broker-${started}`;
      const { configFile } = setup;
      const { url: databaseUrl } = chaosDatabase;
      return { name, ...startBrokerProcess({ configFile, databaseUrl, name, strike: null }, 'rolling') };
    };

    const brokers = [start(), start()];
    await Promise.all(brokers.map(({ ready }) => ready));
    let submitted = 0;
    let rolling = true;
    const load = async () => {
      while (rolling) {
        const open = await database.pool.query(`SELECT FROM tasks WHERE NOT complete`);
        for (let more = LOAD - (open.rowCount ?? 0); more > 0; more -= 1) {
          submitted += 1;
          await orchestrator.submit(String(submitted), world.origin);
        }
        await sleep(10);
      }
    };
    // People decide all the while.
    const decisions = (async () => {
      while (rolling) await completed(database);
    })();
    const loading = load();
    const exits: (number | null)[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [slot, broker] of brokers.entries()) {
        // It is replaced while one of its guests waits for an answer.
        const called = Promise.withResolvers<void>();
        const answered = Promise.withResolvers<void>();
        world.onCall = async (_task, name) => {
          if (name !== broker.name) return;
          called.resolve();
          await answered.promise;
        };
        await called.promise;
        await broker.drain();
        if (settings.answersWhileDraining) answered.resolve();
        exits.push((await broker.exited).code);
        answered.resolve();
        const next = start();
        brokers[slot] = next;
        await next.ready;
      }
    }
    rolling = false;
    await Promise.all([loading, decisions]);
    expect(await completed(database)).toBeNull();
    for (const broker of brokers) {
      await broker.drain();
      exits.push((await broker.exited).code);
    }
    const steps = await readHistory(database);
    const brokenOff = steps.flatMap(({ transitions }) =>
      transitions.filter(({ code }) => code === 'ERR_ABORTED'),
    );
    expect(brokenOff.length > 0).toBe(!settings.answersWhileDraining);
    const codes = settings.answersWhileDraining ? [] : ['ERR_ABORTED'];
    expect(findViolations(steps, { codes, orphans: new Set(), lostLanes: 0 })).toEqual([]);
    expect(steps.filter(({ attempts }) => attempts !== 1)).toEqual([]);
    expect(exits).toEqual(Array(2 * ROUNDS + 2).fill(0));
    expect(submitted).toBeGreaterThan(LOAD);
    expect(steps).toHaveLength(submitted * TEMPLATE.steps.length);
    await orchestrator.stop();
    await database.close();
    await chaosDatabase.drop();
    await world.close();
    await setup.remove();
  });
});
