import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, installSchema, startEmbeddedPostgres } from '../../src/standalone/index.ts';
import { homeOf } from '../standalone/support/state-dirs.ts';
import { startWire, type Wire } from './wire.ts';

/** How a server ends: as `pg_ctl stop -m immediate` does it, or by SIGKILL. */
export type ServerDeath = 'immediate' | 'kill';

/** A durable PostgreSQL that can be killed. To its clients it comes back on the same port with the same data. */
export interface PostgresServer {
  /** A new database with the standalone schema. */
  createDatabase(): Promise<ChaosDatabase>;
  /** Ends the server without warning and starts it again on its data. Resolves when it answers. */
  die(death: ServerDeath): Promise<void>;
  stop(): Promise<void>;
}

export interface ChaosDatabase {
  /** For clients that no fault is aimed at. */
  readonly url: string;
  /** A connection of its own for a broker, to be cut. */
  openWire(): Promise<Wire>;
  drop(): Promise<void>;
}

export async function startPostgresServer(): Promise<PostgresServer> {
  const root = await mkdtemp(join(tmpdir(), 'tasker-chaos-'));
  await chmod(root, 0o711);
  const stateDir = join(root, 'state');
  let server: EmbeddedPostgres = await startEmbeddedPostgres({ stateDir, durable: true });
  await installSchema(server.url);
  const target = () => new URL(server.url);
  const relay = await startWire(target);
  let databases = 0;

  return {
    async createDatabase() {
      databases += 1;
      const name = `chaos_${databases}`;
      await maintain(server.url, `CREATE DATABASE ${name} TEMPLATE tasker`);
      return {
        url: relay.urlOf(name),
        openWire: () => startWire(target, name),
        drop: () => maintain(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      };
    },
    async die(death) {
      process.kill(await postmasterOf(stateDir), death === 'kill' ? 'SIGKILL' : 'SIGQUIT');
      // Waits until it has ended.
      await server.stop();
      server = await startEmbeddedPostgres({ stateDir, durable: true });
    },
    async stop() {
      await relay.close();
      await server.stop();
      const home = await homeOf(stateDir);
      for (const folder of [home, root])
        if (folder !== null) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function postmasterOf(stateDir: string): Promise<number> {
  const file = join((await homeOf(stateDir)) ?? stateDir, 'pgdata', 'postmaster.pid');
  return Number(readFileSync(file, 'utf8').split('\n')[0]);
}

async function maintain(serverUrl: string, sql: string): Promise<void> {
  const url = new URL(serverUrl);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
