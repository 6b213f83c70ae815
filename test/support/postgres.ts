import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type {} from './postgres-setup.ts';

/** A database of its own, with the Tasker schema installed. */
export interface TestDatabase {
  readonly url: string;
  /** Ends every session and lets nobody in. */
  lock(): Promise<void>;
  unlock(): Promise<void>;
  /** Removes the database, also while connections are open. */
  drop(): Promise<void>;
}

/** Clones the template of the test server (see postgres-setup.ts). One per test file, or per test. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const postgres = inject('postgres');
  if ('unavailable' in postgres) throw new Error(`no test database: ${postgres.unavailable}`);
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  await maintain(postgres.url, `CREATE DATABASE ${name} TEMPLATE tasker`);
  return {
    url: url.href,
    async lock() {
      await maintain(postgres.url, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await maintain(
        postgres.url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
    },
    unlock: () => maintain(postgres.url, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`),
    drop: () => maintain(postgres.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Runs one statement in the database `postgres`. */
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
