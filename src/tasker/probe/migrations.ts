import type { Queryable } from '../connection.ts';
import { type Difference, MIGRATE } from './difference.ts';

/** Migrations of Tasker 0.1.8: version and the first 24 hex digits of the SHA-384 of its file, as sqlx records it. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['20250810140001', 'd970afaaa8efdc194d534f7a'],
  ['20250826180921', 'a121cd2f8e1ffab3641ea68f'],
  ['20260110000001', 'af1e63d1d9b8ef0d3a012dac'],
  ['20260110000002', 'dc960a4428d8ed5896c4e400'],
  ['20260110000003', '9b19b1f5e1c333b610db49cb'],
  ['20260120000001', '641a7d22e2e5dd7d16db8398'],
  ['20260125000001', '4fc1225f33fee31e81cdaaf6'],
  ['20260306000001', '5a908065c8ac817b0334291c'],
]);

/**
 * Where records of migrations are. sqlx creates its table in the first schema of the search path, so that a second run
 * as another role may have left a second table: both are read.
 */
const FIND_RECORDS = `
SELECT n.nspname || '.' || c.relname AS name, c.relname AS relation
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE (n.nspname IN ('public', 'tasker') AND c.relname = '_sqlx_migrations')
    OR (n.nspname = 'tasker_standalone' AND c.relname = 'schema_version')
 ORDER BY 1`;
const readMigrations = (tables: readonly string[]) =>
  tables
    .map(
      (table) => `SELECT version::text, left(encode(checksum, 'hex'), 24) AS checksum, success FROM ${table}`,
    )
    .join(' UNION ');

interface Migration {
  readonly version: string;
  readonly checksum: string;
  readonly success: boolean;
}

/**
 * Which version of Tasker's schema this is. The standalone schema has no migrations of Tasker's and needs none: what
 * it consists of is checked like everything else.
 */
export async function checkMigrations(
  client: Queryable,
  allowNewer: boolean,
): Promise<readonly Difference[]> {
  const { rows } = await client.query<{ name: string; relation: string }>(FIND_RECORDS);
  const tables = rows.filter(({ relation }) => relation === '_sqlx_migrations').map(({ name }) => name);
  if (tables.length === 0) return rows.length > 0 ? [] : [NO_RECORD];
  const applied = (await client.query<Migration>(readMigrations(tables))).rows;
  return [...missing(applied), ...applied.flatMap((migration) => faultsOf(migration, allowNewer))];
}

const NO_RECORD: Difference = Object.freeze({
  severity: 'warning',
  subject: 'table _sqlx_migrations',
  expected: 'the record of the migrations that were applied',
  got: 'none in public and tasker',
  cure: 'tables and functions are checked all the same; apply migrations with sqlx, so that their version is known',
});

function missing(applied: readonly Migration[]): readonly Difference[] {
  const found = new Set(applied.filter(({ success }) => success).map(({ version }) => version));
  return [...KNOWN.keys()]
    .filter((version) => !found.has(version))
    .map((version) => ({
      severity: 'error',
      subject: `migration ${version}`,
      expected: 'to be applied',
      got: 'no record of it',
      cure: MIGRATE,
    }));
}

function faultsOf({ version, checksum, success }: Migration, allowNewer: boolean): readonly Difference[] {
  const subject = `migration ${version}`;
  const known = KNOWN.get(version);
  if (!success) {
    const cure = 'repair it and run the migrations again';
    return [{ severity: 'error', subject, expected: 'to have succeeded', got: 'a failed attempt', cure }];
  }
  if (known === undefined) {
    return [
      {
        severity: allowNewer ? 'warning' : 'error',
        subject,
        expected: `one of the ${KNOWN.size} migrations of Tasker 0.1.8`,
        got: 'one that this broker does not know',
        cure: allowNewer
          ? 'allowed by [database] allow_newer'
          : 'use a broker that supports it, or set allow_newer = true under [database]: everything else is still checked',
      },
    ];
  }
  if (known === checksum) return [];
  const cure = MIGRATE;
  return [{ severity: 'error', subject, expected: `checksum ${known}…`, got: `${checksum}…`, cure }];
}
