import { BrokerError } from '../../errors.ts';
import type { Database, Queryable } from '../connection.ts';
import { databaseError } from '../database-error.ts';
import { type Difference, describeDifference } from './difference.ts';
import { checkFunctions } from './functions.ts';
import { checkMigrations } from './migrations.ts';
import { checkRights } from './rights.ts';
import { selfTest } from './self-test.ts';
import { checkSession } from './session.ts';
import { checkStatements } from './statements.ts';
import { checkStepStates } from './step-states.ts';
import { checkTables } from './tables.ts';

export interface ProbeOptions {
  /** A checked namespace. */
  readonly namespace: string;
  /** Migrations that this broker does not know are a warning instead of an error. Default false. */
  readonly allowNewer?: boolean;
}

const IS_TASKER = `
SELECT to_regnamespace('tasker') IS NOT NULL AS tasker, to_regnamespace('pgmq') IS NOT NULL AS pgmq`;

/**
 * Everything about the database that is not as this broker was written for: Tasker's schema and its version, PGMQ, the
 * session, the rights of the role. Changes nothing. Rejects with ERR_DATABASE_UNAVAILABLE when there is no database,
 * with ERR_DATABASE_FOREIGN when it is none of Tasker's.
 */
export function probeDatabase(database: Database, options: ProbeOptions): Promise<readonly Difference[]> {
  return rolledBack(database, async (client) => {
    const session = await checkSession(client);
    await requireTasker(client, database.name);
    return [
      ...session,
      ...(await checkMigrations(client, options.allowNewer ?? false)),
      ...(await checkTables(client)),
      ...(await checkStepStates(client)),
      ...(await checkFunctions(client)),
      ...(await checkRights(client, options.namespace)),
    ];
  });
}

/**
 * The second half, once queues and schema `wasm_broker` are there: every statement is planned, and one step goes
 * through where the role may create one. Everything is rolled back.
 */
export function probeStatements(database: Database, namespace: string): Promise<readonly Difference[]> {
  return rolledBack(database, async (client) => [
    ...(await checkStatements(client, namespace)),
    ...(await selfTest(client, namespace)),
  ]);
}

/** Throws ERR_DATABASE_INCOMPATIBLE with every difference that is an error, and hands the others to `onWarning`. */
export function requireCompatible(
  differences: readonly Difference[],
  name: string,
  onWarning: (difference: Difference) => void,
): void {
  const errors = differences.filter(({ severity }) => severity === 'error').map(describeDifference);
  for (const difference of differences) if (difference.severity === 'warning') onWarning(difference);
  if (errors.length === 0) return;
  throw new BrokerError(
    'ERR_DATABASE_INCOMPATIBLE',
    `the database at ${name} differs from what this broker was written for:\n${errors.map((line) => `- ${line}`).join('\n')}`,
    { details: { differences: errors } },
  );
}

async function requireTasker(client: Queryable, name: string): Promise<void> {
  const { tasker, pgmq } = (await client.query(IS_TASKER)).rows[0];
  if (tasker && pgmq) return;
  const missing = [...(tasker ? [] : ['schema tasker']), ...(pgmq ? [] : ['extension pgmq'])].join(' and ');
  throw new BrokerError(
    'ERR_DATABASE_FOREIGN',
    `expected a Tasker database at ${name}, but it lacks ${missing}; run Tasker's migrations or point to another database`,
  );
}

async function rolledBack<Result>(
  database: Database,
  body: (client: Queryable) => Promise<Result>,
): Promise<Result> {
  const failed = (error: unknown) => Promise.reject(databaseError(error, database.name));
  const client = await database.pool.connect().catch(failed);
  let lost: Error | null = null;
  // Without a listener a session that is lost between two statements would be an uncaught exception.
  const onError = (error: Error) => {
    lost = error;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await body(client);
    // What a lost session did not answer is no difference of the database.
    return lost === null ? result : await failed(lost);
  } catch (error) {
    return await failed(lost ?? error);
  } finally {
    await client.query('ROLLBACK').catch(() => {});
    client.off('error', onError);
    client.release(lost !== null);
  }
}
