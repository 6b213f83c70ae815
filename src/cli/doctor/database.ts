import type { Config } from '../../config.ts';
import { BrokerError, isBrokerError, messageOf } from '../../errors.ts';
import { openDatabase } from '../../tasker/connection.ts';
import { type DatabaseFacts, inspectDatabase } from '../../tasker/inspect-database.ts';
import type { DoctorLine } from './line.ts';

/** The database as the broker would find it: reachable, Tasker's, complete, and no more rights than needed. */
export async function examineDatabase({
  database: settings,
  worker,
}: Config): Promise<readonly DoctorLine[]> {
  const failed = (error: unknown): readonly DoctorLine[] => [
    {
      area: 'database',
      subject: isBrokerError(error) ? error.code : 'database',
      status: 'error',
      detail: messageOf(error),
    },
  ];
  const { url } = settings;
  if (url === undefined) {
    return failed(new BrokerError('ERR_CONFIG_INVALID', 'no database: set DATABASE_URL or [database] url'));
  }
  try {
    const database = openDatabase(url, { caFile: settings.ca_file ?? null });
    const options = { namespace: worker.namespace, allowNewer: settings.allow_newer };
    return await inspectDatabase(database, options)
      .then(linesOf)
      .finally(() => database.close());
  } catch (error) {
    return failed(error);
  }
}

function linesOf(facts: DatabaseFacts): readonly DoctorLine[] {
  const { name, server, tls, schema, pgmq } = facts;
  const tables = schema === 'standalone' ? 'the standalone schema' : "Tasker's schema";
  return [
    {
      area: 'database',
      subject: name,
      status: 'ok',
      detail: `PostgreSQL ${server}, ${tables}, PGMQ ${pgmq ?? 'none'}, ${tls ? 'over TLS' : 'without TLS'}`,
    },
    roleLine(facts),
    ...facts.differences.map(({ severity, subject, expected, got, cure }) => ({
      area: 'database' as const,
      subject,
      status: severity,
      detail: `expected ${expected}, got ${got}; ${cure}`,
    })),
    ownSchemaLine(facts),
    ...queueLines(facts),
  ];
}

function roleLine({ role, powerful }: DatabaseFacts): DoctorLine {
  const detail = powerful
    ? 'may do much more than a broker needs; wasm-broker doctor --sql prints a role that may not'
    : 'no superuser, creates neither databases nor roles';
  return { area: 'database', subject: `role ${role}`, status: powerful ? 'warning' : 'ok', detail };
}

function ownSchemaLine({ prepared }: DatabaseFacts): DoctorLine {
  const detail = prepared
    ? 'there'
    : 'not made yet; the first start makes it, and then statements can be checked too';
  return { area: 'database', subject: 'schema wasm_broker', status: 'ok', detail };
}

function queueLines({ queues }: DatabaseFacts): readonly DoctorLine[] {
  return queues.map(({ name, state, messages }) => ({
    area: 'queues',
    subject: name,
    status: 'ok',
    detail:
      state === 'missing'
        ? 'not there yet; the first start creates it, if its role may'
        : messages === null
          ? 'there'
          : `messages: ${messages}`,
  }));
}
