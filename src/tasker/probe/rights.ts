import type { Queryable } from '../connection.ts';
import { requiredQueues } from '../queues.ts';
import { brokerPrivileges, USED_SCHEMAS } from '../role/privileges.ts';
import type { Difference } from './difference.ts';

const CURE = 'run what `wasm-broker doctor --sql` prints, as a superuser';

/** Lacking rights, one row each. By catalog, since a relation that cannot be seen cannot be named. $1 json. */
const LACKING = `
WITH wanted AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS w(schema text, relation text, action text, "column" text)
)
SELECT w.action, n.nspname || '.' || c.relname || COALESCE('.' || w.column, '') AS on
  FROM wanted w
  JOIN pg_namespace n ON n.nspname = w.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relation
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.column AND NOT a.attisdropped
 WHERE CASE WHEN w.column IS NULL THEN NOT has_table_privilege(c.oid, w.action)
            WHEN a.attnum IS NULL THEN false
            ELSE NOT has_column_privilege(c.oid, a.attnum, w.action) END
 ORDER BY 2, 1`;
const SCHEMAS = `
SELECT n.nspname AS name FROM pg_namespace n
 WHERE n.nspname = ANY ($1::text[]) AND NOT has_schema_privilege(n.oid, 'USAGE')`;
/** What may be created where it is missing. $1 queues. */
const SETUP = `
SELECT ARRAY(SELECT queue FROM unnest($1::text[]) AS queue WHERE NOT EXISTS (
         SELECT FROM pg_class c WHERE c.relnamespace = to_regnamespace('pgmq') AND c.relname = 'q_' || lower(queue))
       ) AS queues,
       has_schema_privilege(to_regnamespace('pgmq')::oid, 'CREATE') AS creates_queues,
       to_regnamespace('wasm_broker') IS NOT NULL AS has_schema,
       CASE WHEN to_regnamespace('wasm_broker') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(to_regnamespace('wasm_broker')::oid, 'CREATE')
             AND has_schema_privilege(to_regnamespace('wasm_broker')::oid, 'USAGE') END AS owns_schema`;

/** What the role lacks to run a broker of `namespace`: rights, and what it can neither find nor create. */
export async function checkRights(client: Queryable, namespace: string): Promise<readonly Difference[]> {
  const schemas = (await client.query<{ name: string }>(SCHEMAS, [USED_SCHEMAS])).rows;
  const wanted = brokerPrivileges(namespace).flatMap(({ columns, ...privilege }) =>
    columns === null ? [privilege] : columns.map((column) => ({ ...privilege, column })),
  );
  const lacking = (await client.query<{ action: string; on: string }>(LACKING, [JSON.stringify(wanted)]))
    .rows;
  return [
    ...schemas.map(({ name }) => differs(`right USAGE on schema ${name}`, 'to be granted', 'not granted')),
    ...lacking.map(({ action, on }) => differs(`right ${action} on ${on}`, 'to be granted', 'not granted')),
    ...(await setupFaults(client, namespace)),
  ];
}

async function setupFaults(client: Queryable, namespace: string): Promise<readonly Difference[]> {
  const setup = (await client.query(SETUP, [requiredQueues(namespace)])).rows[0];
  const missing: readonly string[] = setup.creates_queues ? [] : setup.queues;
  return [
    ...missing.map((queue) => differs(`queue ${queue}`, 'to exist', 'none, and no right to create it')),
    ...(setup.owns_schema ? [] : [schemaFault(setup.has_schema)]),
  ];
}

function schemaFault(exists: boolean): Difference {
  const got = exists ? 'one of another owner' : 'none, and no right to create it';
  return differs('schema wasm_broker', "to exist and be the broker's own", got);
}

function differs(subject: string, expected: string, got: string): Difference {
  return { severity: 'error', subject, expected, got, cure: CURE };
}
