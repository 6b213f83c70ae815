import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { SCHEMA_VERSION, startEngine, startRestServer } from '../../src/standalone/index.ts';
import { createTestDatabase } from '../support/postgres.ts';
import type { Target } from './target.ts';

const POLL_MS = 50;

export interface EngineTargetOptions {
  /** A folder of Tasker's own migrations, whose schema takes the place of ours. */
  readonly migrations?: string;
}

/** The standalone engine with its REST API, on a database of its own. */
export async function openEngineTarget({ migrations }: EngineTargetOptions = {}): Promise<Target> {
  const database = await createTestDatabase();
  if (migrations !== undefined) await migrate(database.url, migrations);
  const engine = await startEngine({ databaseUrl: database.url, pollMs: POLL_MS });
  const rest = await startRestServer({ databaseUrl: database.url, port: 0 });
  return {
    url: rest.url,
    databaseUrl: database.url,
    async close() {
      await rest.close();
      await engine.stop();
      await database.drop();
    },
  };
}

/** Replaces our schema by Tasker's, with what its orchestrator adds at start: its queues. */
async function migrate(databaseUrl: string, folder: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('DROP SCHEMA tasker CASCADE; DROP EXTENSION pgmq CASCADE');
    const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
    if (files.length === 0) throw new Error(`expected migrations (*.sql) in ${folder}, got none`);
    for (const file of files) await client.query(await readFile(join(folder, file), 'utf8'));
    for (const queue of ['step_results', 'task_requests', 'task_finalizations']) {
      await client.query('SELECT pgmq.create($1)', [`orchestration_${queue}`]);
    }
    // The engine works only on a schema that says it is its own.
    await client.query('UPDATE tasker_standalone.schema_version SET version = $1', [SCHEMA_VERSION]);
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}
