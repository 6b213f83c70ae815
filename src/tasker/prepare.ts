import { migrateBrokerSchema } from './broker-schema.ts';
import type { Database } from './connection.ts';
import { type Difference, describeDifference } from './probe/difference.ts';
import { probeDatabase, probeStatements, requireCompatible } from './probe/probe.ts';
import { createQueues } from './queues.ts';

export interface PrepareOptions {
  /** A checked namespace. */
  readonly namespace: string;
  readonly allowNewer: boolean;
  /** What differs from what this broker was written for and does not keep it from running. */
  readonly onDifference: (difference: string) => void;
}

/**
 * Makes a database ready for a broker: compares it with what the broker was written for, brings schema `wasm_broker` up
 * to date, and creates the queues that are missing, where the role may. Nothing is changed in a database that differs.
 */
export async function prepareDatabase(database: Database, options: PrepareOptions): Promise<void> {
  const { namespace, allowNewer } = options;
  const warn = (difference: Difference) => options.onDifference(describeDifference(difference));
  requireCompatible(await probeDatabase(database, { namespace, allowNewer }), database.name, warn);
  await migrateBrokerSchema(database);
  await createQueues(database.pool, namespace);
  requireCompatible(await probeStatements(database, namespace), database.name, warn);
}
