import { requiredQueues } from '../queues.ts';
import { brokerPrivileges, type Privilege, USED_FUNCTIONS, USED_SCHEMAS } from './privileges.ts';

export interface RoleOptions {
  /** Name of the role that the broker logs in as. */
  readonly role: string;
  /** A checked namespace; its queue is created and granted. */
  readonly namespace: string;
}

/**
 * SQL that a superuser runs once per database: the role without any right but those
 * the broker's statements need, its session settings, the queues, and schema `wasm_broker` as its own. Repeating it
 * changes nothing; it sets no password.
 */
export function roleSql({ role, namespace }: RoleOptions): string {
  const name = quoteName(role);
  return `-- Least-privilege role of a wasm-broker that serves namespace ${namespace}. Run it in Tasker's database as a superuser,
-- with ON_ERROR_STOP; then set a password: \\password ${role}
BEGIN;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteText(role)}) THEN
    CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), ${quoteText(role)});
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = tasker, public', ${quoteText(role)}, current_database());
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET timezone = %L', ${quoteText(role)}, current_database(), 'UTC');
END $$;

-- Once: what only an owner can create. The broker finds it there and creates nothing.
SELECT pgmq.create(name) FROM unnest(ARRAY[${requiredQueues(namespace).map(quoteText).join(', ')}]) AS name
 WHERE NOT EXISTS (SELECT FROM pgmq.meta WHERE queue_name = name);
${ownSchema(role, name)}

-- What its statements read and write.
GRANT USAGE ON SCHEMA ${USED_SCHEMAS.join(', ')} TO ${name};
${brokerPrivileges(namespace)
  .map((privilege) => `${grant(privilege)} TO ${name};`)
  .join('\n')}
${functionGrants(name)}
${recordGrants(name)}

COMMIT;
`;
}

/** The broker keeps its own tables up to date by itself, and needs no right to create anything elsewhere. */
function ownSchema(role: string, name: string): string {
  return `DO $$ DECLARE own record; BEGIN
  IF to_regnamespace('wasm_broker') IS NULL THEN
    CREATE SCHEMA wasm_broker AUTHORIZATION ${name};
  END IF;
  ALTER SCHEMA wasm_broker OWNER TO ${name};
  FOR own IN SELECT oid::regclass AS table FROM pg_class
              WHERE relnamespace = to_regnamespace('wasm_broker') AND relkind IN ('r', 'p') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO %I', own.table, ${quoteText(role)});
  END LOOP;
END $$;`;
}

function grant({ schema, relation, action, columns }: Privilege): string {
  const on = columns === null ? '' : ` (${columns.join(', ')})`;
  return `GRANT ${action}${on} ON ${schema}.${relation}`;
}

/** By name, because their arguments differ between versions of PGMQ. */
function functionGrants(name: string): string {
  const pairs = Object.entries(USED_FUNCTIONS).flatMap(([schema, functions]) =>
    functions.map((used) => `('${schema}', '${used}')`),
  );
  return `DO $$ DECLARE used record; BEGIN
  FOR used IN SELECT p.oid::regprocedure AS signature FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE (n.nspname, p.proname) IN (${pairs.join(', ')}) LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ${name.replaceAll('%', '%%').replaceAll("'", "''")}', used.signature);
  END LOOP;
END $$;`;
}

/** The record of migrations, wherever it is: the start-up probe reads the version of Tasker's schema from it. */
function recordGrants(name: string): string {
  return `DO $$ DECLARE record_of record; BEGIN
  FOR record_of IN SELECT c.oid::regclass AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname IN ('public', 'tasker') AND c.relname = '_sqlx_migrations' LOOP
    EXECUTE format('GRANT SELECT ON %s TO ${name.replaceAll('%', '%%').replaceAll("'", "''")}', record_of.table);
  END LOOP;
END $$;`;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
