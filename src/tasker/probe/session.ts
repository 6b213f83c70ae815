import type { Queryable } from '../connection.ts';
import type { Difference } from './difference.ts';

/** Tasker's own minimum. */
const SERVER_OLDEST = 170_000;

const READ = `
SELECT current_setting('TimeZone') AS time_zone,
       current_setting('search_path') AS search_path,
       current_setting('server_version_num')::int AS server,
       current_setting('server_version') AS server_name,
       current_setting('server_encoding') AS encoding,
       current_setting('transaction_read_only') AS read_only,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('fsync') AS fsync,
       (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = to_regclass('workflow_steps')) AS schema`;

interface Session {
  readonly time_zone: string;
  readonly search_path: string;
  readonly server: number;
  readonly server_name: string;
  readonly encoding: string;
  readonly read_only: string;
  readonly synchronous_commit: string;
  readonly fsync: string;
  readonly schema: string | null;
}

const POOLER =
  'connect without a pooler that drops start-up options, or set it for the role (wasm-broker doctor --sql prints how)';

/** The settings of a session without which statements fail, or compare times that are hours apart. */
export async function checkSession(client: Queryable): Promise<readonly Difference[]> {
  const session = (await client.query<Session>(READ)).rows[0] as Session;
  const { time_zone, search_path, schema, encoding } = session;
  const differences: Difference[] = [];
  const differs = (subject: string, expected: string, got: string, cure: string) =>
    differences.push({ severity: 'error', subject, expected, got, cure });
  if (time_zone !== 'UTC') differs('session time zone', 'UTC', time_zone, POOLER);
  if (schema !== 'tasker') {
    differs(
      'session search path',
      'tasker, public',
      `${search_path} (workflow_steps of ${schema ?? 'no schema'})`,
      POOLER,
    );
  }
  if (session.server < SERVER_OLDEST) {
    differs('PostgreSQL', 'version 17 or later', session.server_name, 'use a newer server');
  }
  if (encoding !== 'UTF8')
    differs('database encoding', 'UTF8', encoding, 'create the database with ENCODING UTF8');
  if (session.read_only === 'on') {
    differs('server', 'one that can be written to', 'a read-only session', 'connect to the primary');
  }
  return [...differences, ...durabilityFaults(session)];
}

/** Not refused: it is what a throw-away database wants. */
function durabilityFaults({ synchronous_commit, fsync }: Session): readonly Difference[] {
  const off = [
    ...(fsync === 'off' ? ['fsync'] : []),
    ...(synchronous_commit === 'off' ? ['synchronous_commit'] : []),
  ];
  if (off.length === 0) return [];
  return [
    {
      severity: 'warning',
      subject: 'durability',
      expected: 'fsync and synchronous_commit on',
      got: `${off.join(' and ')} off`,
      cure: 'results that were acknowledged are lost when the server crashes; switch it on where that matters',
    },
  ];
}
