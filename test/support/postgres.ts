import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { roleSql } from '../../src/tasker/role/role-sql.ts';
import { BROKER_ROLE } from './broker-role.ts';
import type {} from './postgres-setup.ts';

/** A database of its own, with the Tasker schema installed. */
export interface TestDatabase {
  /** As its owner, a superuser. */
  readonly url: string;
  /** Prepares it for a broker of `namespace` and returns the URL of the least-privilege role. */
  forBroker(namespace: string): Promise<string>;
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
    async forBroker(namespace) {
      await run(url.href, roleSql({ role: BROKER_ROLE, namespace }));
      const asBroker = new URL(url);
      asBroker.username = BROKER_ROLE;
      asBroker.password = postgres.brokerPassword;
      return asBroker.href;
    },
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
function maintain(serverUrl: string, sql: string): Promise<void> {
  const url = new URL(serverUrl);
  url.pathname = '/postgres';
  return run(url.href, sql);
}

async function run(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
