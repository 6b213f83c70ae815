import pg from 'pg';
import { BrokerError, messageOf } from '../../errors.ts';
import { sessionConfig } from '../session.ts';
import { CREATE_CONSTRAINTS, CREATE_INDEXES } from './constraints.ts';
import { CREATE_QUEUE_FUNCTIONS } from './queues.ts';
import { CREATE_STEP_FUNCTIONS } from './step-functions.ts';
import { CREATE_TABLES } from './tables.ts';
import { CREATE_UUID_FUNCTIONS } from './uuid.ts';

/**
 * The schema, version by version: entry 0 makes version 1. Released entries never change; a change is a new entry.
 */
const VERSIONS: readonly (readonly string[])[] = [
  [
    'CREATE EXTENSION IF NOT EXISTS pgmq CASCADE',
    'CREATE SCHEMA tasker',
    CREATE_UUID_FUNCTIONS,
    CREATE_TABLES,
    CREATE_CONSTRAINTS,
    CREATE_INDEXES,
    CREATE_QUEUE_FUNCTIONS,
    CREATE_STEP_FUNCTIONS,
  ],
];

/** The version that this program installs. */
export const SCHEMA_VERSION = VERSIONS.length;

/** PostgreSQL 18 has uuidv7(). */
const MINIMUM_SERVER_VERSION = 180_000;
/** Key of the advisory lock that lets one installer work at a time: the bytes of "wasm". */
const INSTALL_LOCK = 0x77_61_73_6d;

/**
 * Installs the standalone Tasker schema, or brings an older one of ours up to date. Repeating it changes nothing.
 *
 * @param target a connection string, or a connected client that is in no transaction
 * @throws BrokerError ERR_DATABASE_FOREIGN when schema `tasker` exists and is not ours (a real Tasker), or is newer
 *   than this program; ERR_PLATFORM_UNSUPPORTED when the server is too old or has no pgmq; ERR_DATABASE_UNAVAILABLE
 */
export async function installSchema(target: pg.ClientBase | string): Promise<void> {
  await (typeof target === 'string' ? withClient(target, install) : install(target));
}

/**
 * @throws BrokerError ERR_DATABASE_FOREIGN unless the database has the standalone schema in this program's version
 */
export async function requireSchema(databaseUrl: string): Promise<void> {
  const found = await withClient(databaseUrl, readVersion);
  if (found !== SCHEMA_VERSION) {
    throw new BrokerError(
      'ERR_DATABASE_FOREIGN',
      `expected the standalone schema in version ${SCHEMA_VERSION}, got ${found === 0 ? 'none' : found};` +
        ' install it first (installSchema)',
    );
  }
}

/** @throws BrokerError ERR_DATABASE_UNAVAILABLE */
async function withClient<Result>(
  databaseUrl: string,
  work: (client: pg.ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(sessionConfig(databaseUrl));
  try {
    await client.connect();
  } catch (error) {
    throw new BrokerError(
      'ERR_DATABASE_UNAVAILABLE',
      `cannot connect to the database: ${messageOf(error)}; check DATABASE_URL`,
      { cause: error },
    );
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function install(client: pg.ClientBase): Promise<void> {
  await client.query('BEGIN');
  let installed: number;
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [INSTALL_LOCK]);
    installed = await readVersion(client);
    if (installed < SCHEMA_VERSION) await upgrade(client, installed);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
  // Plans for tables that were never analysed can be slower by a factor of a thousand (worker protocol §14).
  if (installed < SCHEMA_VERSION) await client.query('ANALYZE');
}

/** The version of our schema in this database, 0 when there is none. */
async function readVersion(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ foreign: boolean; ours: boolean }>(
    `SELECT to_regnamespace('tasker') IS NOT NULL AS foreign,
            to_regclass('tasker_standalone.schema_version') IS NOT NULL AS ours`,
  );
  if (rows[0]?.ours !== true) {
    if (rows[0]?.foreign === true) {
      throw new BrokerError(
        'ERR_DATABASE_FOREIGN',
        'this database has a schema tasker that the standalone engine did not make (a real Tasker?); nothing was' +
          ' changed. Use another database, or run the broker against its orchestrator with `wasm-broker serve`',
      );
    }
    return 0;
  }
  const version = await client.query<{ version: number }>(
    'SELECT COALESCE(max(version), 0) AS version FROM tasker_standalone.schema_version',
  );
  const found = version.rows[0]?.version ?? 0;
  if (found > SCHEMA_VERSION) {
    throw new BrokerError(
      'ERR_DATABASE_FOREIGN',
      `the standalone schema in this database has version ${found}, this program knows ${SCHEMA_VERSION};` +
        ' use the newer program, or another database',
      { details: { found, supported: SCHEMA_VERSION } },
    );
  }
  return found;
}

async function upgrade(client: pg.ClientBase, installed: number): Promise<void> {
  await checkServer(client);
  await client.query('CREATE SCHEMA IF NOT EXISTS tasker_standalone');
  await client.query(
    `CREATE TABLE IF NOT EXISTS tasker_standalone.schema_version
       (version integer PRIMARY KEY, installed_at timestamptz NOT NULL DEFAULT now())`,
  );
  for (const [index, statements] of VERSIONS.entries()) {
    if (index < installed) continue;
    for (const statement of statements) await client.query(statement);
    await client.query('INSERT INTO tasker_standalone.schema_version (version) VALUES ($1)', [index + 1]);
  }
}

async function checkServer(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ version: number; pgmq: boolean }>(
    `SELECT current_setting('server_version_num')::integer AS version,
            EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgmq') AS pgmq`,
  );
  const version = rows[0]?.version ?? 0;
  if (version < MINIMUM_SERVER_VERSION || rows[0]?.pgmq !== true) {
    throw new BrokerError(
      'ERR_PLATFORM_UNSUPPORTED',
      `expected PostgreSQL 18 with the pgmq extension, got server version ${version}` +
        `${rows[0]?.pgmq === true ? '' : ' without pgmq'}; set DATABASE_URL to another server`,
    );
  }
}
