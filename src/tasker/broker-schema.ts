import { BrokerError } from '../errors.ts';
import type { Database, Queryable } from './connection.ts';

/*
 * Schema `wasm_broker` holds what the broker itself has to remember. Migrations only go forward; each runs once, in
 * order, in one transaction with the record of its version. Never change one that was released: add the next.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE wasm_broker.instances (
     worker_uuid uuid PRIMARY KEY,
     namespace text NOT NULL,
     hostname text NOT NULL,
     pid integer NOT NULL,
     started_at timestamptz NOT NULL,
     stopped_at timestamptz
   )`,
  `CREATE TABLE wasm_broker.waiting_steps (
     step_uuid uuid PRIMARY KEY,
     task_uuid uuid NOT NULL,
     namespace text NOT NULL,
     worker_uuid uuid NOT NULL,
     attempt integer NOT NULL,
     parked jsonb NOT NULL,
     since timestamptz NOT NULL,
     until timestamptz NOT NULL
   );
   CREATE INDEX waiting_steps_until ON wasm_broker.waiting_steps (namespace, until)`,
];

/** Serialises migrations of brokers that start together. The key is ours and arbitrary. */
const LOCK_MIGRATIONS = `SELECT pg_advisory_xact_lock(hashtextextended('wasm_broker.migrations', 0))`;
const FIND_SCHEMA = `
SELECT to_regnamespace('wasm_broker') IS NOT NULL AS exists,
       EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('wasm_broker')) AS used,
       EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('wasm_broker')
                 AND relname = 'schema_version') AS versioned`;
const CREATE_SCHEMA = `CREATE SCHEMA wasm_broker`;
const CREATE_VERSION = `
CREATE TABLE wasm_broker.schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`;
const READ_VERSION = `SELECT COALESCE(max(version), 0) AS version FROM wasm_broker.schema_version`;
const RECORD_VERSION = `INSERT INTO wasm_broker.schema_version (version) VALUES ($1::int)`;

/**
 * Brings schema `wasm_broker` to this version. Throws ERR_DATABASE_FOREIGN when a newer version of the broker, or
 * somebody else, made it.
 */
export async function migrateBrokerSchema(database: Database): Promise<void> {
  await database.transaction(async (client) => {
    await client.query(LOCK_MIGRATIONS);
    const version = await openSchema(client, database.name);
    for (const [index, statement] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await client.query(statement);
      await client.query(RECORD_VERSION, [index + 1]);
    }
  });
}

async function openSchema(client: Queryable, name: string): Promise<number> {
  const found = (await client.query(FIND_SCHEMA)).rows[0];
  if (!found.exists) await client.query(CREATE_SCHEMA);
  // An empty schema is what `wasm-broker doctor --sql` leaves for a role that may not create one.
  if (!found.used) await client.query(CREATE_VERSION);
  else if (!found.versioned) {
    throw new BrokerError(
      'ERR_DATABASE_FOREIGN',
      `schema wasm_broker at ${name} was not made by this broker; rename it or use another database`,
    );
  }
  const { version } = (await client.query(READ_VERSION)).rows[0];
  if (version > MIGRATIONS.length) {
    throw new BrokerError(
      'ERR_DATABASE_FOREIGN',
      `schema wasm_broker at ${name} has version ${version}, this broker knows ${MIGRATIONS.length}; use the newer broker`,
    );
  }
  return version;
}
