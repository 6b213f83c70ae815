import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/errors.ts';
import { type Engine, startEngine } from '../../src/standalone/index.ts';
import { type Database, openDatabase } from '../../src/tasker/connection.ts';
import { decideWaiting, listWaiting } from '../../src/tasker/waiting.ts';
import { type Leftovers, readLeftovers } from './history.ts';
import type { ChaosDatabase, PostgresServer } from './postgres-server.ts';
import { createSetup, type Setup, TEMPLATE } from './setup.ts';
import { NAMESPACE } from './statements.ts';
import { startWorld, type World } from './world.ts';

/** Everything around the brokers: a database with its orchestrator, the world outside, and people who decide. */
export interface Stage {
  readonly chaosDatabase: ChaosDatabase;
  readonly database: Database;
  readonly world: World;
  readonly setup: Setup;
  readonly orchestrator: Orchestrator;
  close(): Promise<void>;
}

export interface Orchestrator {
  submit(task: string): Promise<void>;
  /** Ends it as its machine's reboot would, and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Only what would never end comes to this; nothing else depends on time. */
export const PATIENCE_MS = 300_000;
const POLL_MS = 100;

export async function openStage(
  server: PostgresServer,
  settings: { readonly graceMs: number },
): Promise<Stage> {
  const chaosDatabase = await server.createDatabase();
  const world = await startWorld();
  const setup = await createSetup(world, settings);
  const database = openDatabase(chaosDatabase.url);
  const orchestrator = await startOrchestrator(chaosDatabase, world.origin);
  return {
    chaosDatabase,
    database,
    world,
    setup,
    orchestrator,
    async close() {
      await orchestrator.stop();
      await database.close();
      await chaosDatabase.drop();
      await world.close();
      await setup.remove();
    },
  };
}

async function startOrchestrator({ url }: ChaosDatabase, origin: string): Promise<Orchestrator> {
  // What a killed engine left half done is not the broker's to repair.
  const options = { databaseUrl: url, pollMs: POLL_MS, redrive: true };
  let engine: Engine = await startEngine(options);
  return {
    async submit(task) {
      await engine.submit({
        namespace: NAMESPACE,
        name: TEMPLATE.name,
        version: TEMPLATE.version,
        context: { task, origin },
        initiator: 'chaos',
        sourceSystem: 'test',
        reason: 'to be disturbed',
      });
    },
    async restart() {
      await engine.stop().catch(() => {});
      engine = await startEngine(options);
    },
    stop: () => engine.stop().catch(() => {}),
  };
}

/** Approves what waits until every task is complete and nothing is on its way; else tells what is left after a long time. */
export async function completed(
  database: Database,
  mayDecide: () => boolean = () => true,
): Promise<Leftovers | string | null> {
  let last: Leftovers | string = 'nothing was read';
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (performance.now() < deadlineMs) {
    try {
      if (mayDecide()) await approve(database);
      last = await readLeftovers(database);
      if (Object.values(last).every((rows) => rows === 0)) return null;
      if (last.failed > 0) return last;
    } catch (error) {
      // The database is away, or somebody ended the wait.
      last = messageOf(error);
    }
    await sleep(POLL_MS);
  }
  return last;
}

export async function approve(database: Database): Promise<void> {
  for (const { stepUuid } of await listWaiting(database.pool, NAMESPACE)) {
    const decision = { decision: 'approved', by: 'chaos', comment: '', data: null } as const;
    await decideWaiting(database, { stepUuid, namespace: NAMESPACE }, decision, Date.now());
  }
}
