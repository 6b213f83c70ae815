import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createEngine, type Engine, installSchema, startEmbeddedPostgres } from '../../standalone/index.ts';

export interface DemoDatabase {
  readonly url: string;
  /** The orchestrator's side: can be asked from the start, works once it is started. */
  readonly engine: Engine;
  stop(): Promise<void>;
}

export interface OpenDatabaseOptions {
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onNotice: (text: string) => void;
}

/** The database of `DATABASE_URL`, or an embedded PostgreSQL in the state folder; with the contract's tables in it. */
export async function openDatabase({ stateDir, env, onNotice }: OpenDatabaseOptions): Promise<DemoDatabase> {
  const given = env['DATABASE_URL'];
  const server =
    given === undefined ? await startServer(stateDir, onNotice) : { url: given, stop: async () => {} };
  try {
    await installSchema(server.url);
    // Engine, broker and database die together here, and a kill -9 must not leave the task stuck.
    const engine = await createEngine({ databaseUrl: server.url, redrive: true });
    const stop = async () => {
      await engine.stop();
      await server.stop();
    };
    return { url: server.url, engine, stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function startServer(stateDir: string, onNotice: (text: string) => void) {
  await mkdir(stateDir, { recursive: true });
  const server = await startEmbeddedPostgres({
    stateDir: join(stateDir, 'postgres'),
    durable: true,
    onNotice,
  });
  onNotice(`PostgreSQL 18 on ${new URL(server.url).host}${server.firstRun ? ' (new database)' : ''}`);
  return server;
}
