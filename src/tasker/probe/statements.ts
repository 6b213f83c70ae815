import { messageOf } from '../../errors.ts';
import type { Queryable } from '../connection.ts';
import { queueTableOf, workerQueue } from '../queues.ts';
import * as checkpoint from '../sql/checkpoint.ts';
import * as claim from '../sql/claim.ts';
import * as complete from '../sql/complete.ts';
import * as hydrate from '../sql/hydrate.ts';
import * as lost from '../sql/lost.ts';
import * as nudge from '../sql/nudge.ts';
import * as recover from '../sql/recover.ts';
import * as register from '../sql/register.ts';
import * as session from '../sql/session.ts';
import * as waiting from '../sql/waiting.ts';
import { type Difference, MIGRATE } from './difference.ts';

/** Every statement the broker sends while it runs, by the name it has in `sql/`. */
export function brokerStatements(namespace: string): ReadonlyMap<string, string> {
  const modules = {
    ...checkpoint,
    ...claim,
    ...complete,
    ...hydrate,
    ...lost,
    ...nudge,
    ...recover,
    ...register,
    ...session,
    ...waiting,
  };
  const table = queueTableOf(workerQueue(namespace));
  return new Map(
    Object.entries(modules).map(([name, sql]) => [name, typeof sql === 'function' ? sql(table) : sql]),
  );
}

/**
 * Plans every statement and carries none out. PostgreSQL resolves all names and types for a plan and checks the rights
 * of the role before it shows one, so that a statement that is planned will not fail for either at two in the morning.
 * `client` has to be in a transaction that is rolled back; needs the queues and schema `wasm_broker`.
 */
export async function checkStatements(client: Queryable, namespace: string): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  for (const [name, sql] of brokerStatements(namespace)) {
    await client.query('SAVEPOINT statement');
    try {
      await client.query(`EXPLAIN (GENERIC_PLAN) ${sql}`);
    } catch (error) {
      const got = messageOf(error);
      differences.push({
        severity: 'error',
        subject: `statement ${name}`,
        expected: 'a plan',
        got,
        cure: cureOf(error),
      });
      await client.query('ROLLBACK TO SAVEPOINT statement');
    }
  }
  return differences;
}

function cureOf(error: unknown): string {
  const denied = typeof error === 'object' && error !== null && 'code' in error && error.code === '42501';
  return denied ? 'run what `wasm-broker doctor --sql` prints, as a superuser' : MIGRATE;
}
