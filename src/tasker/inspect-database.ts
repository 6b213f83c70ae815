import type { Database } from './connection.ts';
import { databaseError } from './database-error.ts';
import type { Difference } from './probe/difference.ts';
import { type ProbeOptions, probeDatabase, probeStatements } from './probe/probe.ts';
import { ORCHESTRATOR_RESULTS, queueTableOf, requiredQueues, workerQueue } from './queues.ts';

/** A queue of the contract, and how many messages wait in it where the role may look. */
export interface QueueFact {
  readonly name: string;
  readonly state: 'missing' | 'there';
  readonly messages: number | null;
}

/** What there is at the other end of a database URL. */
export interface DatabaseFacts {
  /** `host:port/database` */
  readonly name: string;
  readonly server: string;
  readonly role: string;
  /** The role may do anything, or create databases or roles: more than a broker needs. */
  readonly powerful: boolean;
  readonly tls: boolean;
  /** Whose tables these are. */
  readonly schema: 'tasker' | 'standalone';
  readonly pgmq: string | null;
  /** Whether schema `wasm_broker` has been made. */
  readonly prepared: boolean;
  readonly queues: readonly QueueFact[];
  readonly differences: readonly Difference[];
}

const READ_FACTS = `
SELECT current_setting('server_version') AS server, current_user AS role,
       r.rolsuper OR r.rolcreatedb OR r.rolcreaterole AS powerful,
       COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls,
       to_regnamespace('tasker_standalone') IS NOT NULL AS standalone,
       (SELECT extversion FROM pg_extension WHERE extname = 'pgmq') AS pgmq,
       EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = to_regnamespace('wasm_broker')
                  AND c.relname = 'schema_version') AS prepared
  FROM pg_roles r WHERE r.rolname = current_user`;
const FIND_QUEUES = `
SELECT queue AS name, EXISTS (
         SELECT FROM pg_class c WHERE c.relnamespace = to_regnamespace('pgmq') AND c.relname = 'q_' || lower(queue)) AS there
  FROM unnest($1::text[]) AS queue`;

/**
 * Looks at a database as a broker would before it starts, and changes nothing. Rejects with the codes of `probeDatabase`.
 */
export async function inspectDatabase(database: Database, options: ProbeOptions): Promise<DatabaseFacts> {
  const differences = await probeDatabase(database, options);
  try {
    const { server, role, powerful, tls, standalone, pgmq, prepared } = (
      await database.pool.query(READ_FACTS)
    ).rows[0];
    const queues = await queueFacts(database, options.namespace);
    const ready =
      prepared &&
      queues.every(({ state }) => state === 'there') &&
      !differences.some(({ severity }) => severity === 'error');
    return {
      name: database.name,
      server,
      role,
      powerful,
      tls,
      schema: standalone ? 'standalone' : 'tasker',
      pgmq,
      prepared,
      queues,
      // Statements are planned against what a first start would create; before it there is nothing to plan them against.
      differences: ready
        ? [...differences, ...(await probeStatements(database, options.namespace))]
        : differences,
    };
  } catch (error) {
    throw databaseError(error, database.name);
  }
}

async function queueFacts(database: Database, namespace: string): Promise<readonly QueueFact[]> {
  const names = requiredQueues(namespace);
  const { rows } = await database.pool.query<{ name: string; there: boolean }>(FIND_QUEUES, [names]);
  const readable = [workerQueue(namespace), ORCHESTRATOR_RESULTS];
  return Promise.all(
    rows.map(async ({ name, there }) => ({
      name,
      state: there ? ('there' as const) : ('missing' as const),
      messages: there && readable.includes(name) ? await messagesIn(database, name) : null,
    })),
  );
}

/** Null where the role may not look; that is reported with its rights. */
async function messagesIn(database: Database, queue: string): Promise<number | null> {
  const counted = await database.pool
    .query<{ messages: number }>(`SELECT count(*)::int AS messages FROM ${queueTableOf(queue)}`)
    .catch(() => null);
  return counted?.rows[0]?.messages ?? null;
}
