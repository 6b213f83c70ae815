import type { Queryable } from '../connection.ts';
import { type Difference, MIGRATE } from './difference.ts';

/** Tasker's functions of the contract: arguments and result as PostgreSQL prints them. */
const TASKER_FUNCTIONS: Readonly<Record<string, readonly [args: string, result: string]>> = {
  get_step_transitive_dependencies: [
    'target_step_uuid uuid',
    'TABLE(workflow_step_uuid uuid, task_uuid uuid, named_step_uuid uuid, step_name character varying, results jsonb, processed boolean, distance integer)',
  ],
  pgmq_send_with_notify: ['queue_name text, message jsonb, delay_seconds integer DEFAULT 0', 'bigint'],
  extract_queue_namespace: ['queue_name text', 'text'],
};

/** PGMQ's, by the argument types they are called with: versions add arguments with defaults at the end. */
const PGMQ_FUNCTIONS: readonly (readonly [name: string, args: readonly string[], result: string])[] = [
  ['create', ['text'], 'void'],
  ['read', ['text', 'integer', 'integer'], 'SETOF pgmq.message_record'],
  ['archive', ['text', 'bigint'], 'boolean'],
  ['archive', ['text', 'bigint[]'], 'SETOF bigint'],
  ['set_vt', ['text', 'bigint', 'integer'], 'SETOF pgmq.message_record'],
  ['send', ['text', 'jsonb'], 'SETOF bigint'],
  ['send_batch', ['text', 'jsonb[]'], 'SETOF bigint'],
  ['metrics', ['text'], 'pgmq.metrics_result'],
];
/** Columns that are read from a message, by name: versions add others between them. */
const MESSAGE_COLUMNS = ['msg_id', 'read_ct', 'enqueued_at', 'vt', 'message'];

const PGMQ_OLDEST: readonly [number, number] = [1, 5];
const PGMQ_NEWEST: readonly [number, number] = [1, 11];

const LIST_FUNCTIONS = `
SELECT n.nspname AS schema, p.proname AS name, pg_get_function_arguments(p.oid) AS arguments,
       pg_get_function_result(p.oid) AS result, p.pronargdefaults::int AS defaults,
       ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, at) ORDER BY at) AS types
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE (n.nspname = 'tasker' AND p.proname = ANY ($1::text[])) OR (n.nspname = 'pgmq' AND p.proname = ANY ($2::text[]))`;
const READ_PGMQ = `
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'pgmq') AS version,
       ARRAY(SELECT a.attname::text FROM pg_type t
               JOIN pg_namespace n ON n.oid = t.typnamespace AND n.nspname = 'pgmq'
               JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
              WHERE t.typname = 'message_record') AS columns`;

interface Signature {
  readonly schema: string;
  readonly name: string;
  readonly arguments: string;
  readonly result: string;
  readonly types: readonly string[];
  readonly defaults: number;
}

/** Functions that are missing or have another signature, and a PGMQ that is too old or not known. */
export async function checkFunctions(client: Queryable): Promise<readonly Difference[]> {
  const names = [Object.keys(TASKER_FUNCTIONS), PGMQ_FUNCTIONS.map(([name]) => name)];
  const { rows } = await client.query<Signature>(LIST_FUNCTIONS, names);
  const { version, columns } = (await client.query(READ_PGMQ)).rows[0];
  return [
    ...taskerFunctionFaults(rows.filter(({ schema }) => schema === 'tasker')),
    ...versionFaults(version),
    ...(version === null ? [] : pgmqFunctionFaults(rows.filter(({ schema }) => schema === 'pgmq'))),
    ...(version === null ? [] : messageFaults(columns)),
  ];
}

function taskerFunctionFaults(found: readonly Signature[]): readonly Difference[] {
  return Object.entries(TASKER_FUNCTIONS).flatMap(([name, [args, result]]) => {
    const same = found.filter((candidate) => candidate.name === name);
    if (same.some((candidate) => candidate.arguments === args && candidate.result === result)) return [];
    const got = same.map((candidate) => `(${candidate.arguments}) → ${candidate.result}`).join(' and ');
    return [differs(`function tasker.${name}`, `(${args}) → ${result}`, got || 'none', MIGRATE)];
  });
}

function pgmqFunctionFaults(found: readonly Signature[]): readonly Difference[] {
  return PGMQ_FUNCTIONS.flatMap(([name, args, result]) => {
    const same = found.filter((candidate) => candidate.name === name);
    const callable = same.some(
      ({ types, defaults, result: returned }) =>
        returned === result &&
        types.length >= args.length &&
        types.length - defaults <= args.length &&
        args.every((type, at) => types[at] === type),
    );
    if (callable) return [];
    const got = same.map((candidate) => `(${candidate.arguments}) → ${candidate.result}`).join(' and ');
    return [differs(`function pgmq.${name}`, `(${args.join(', ')}) → ${result}`, got || 'none', UPDATE_PGMQ)];
  });
}

const UPDATE_PGMQ = 'install PGMQ 1.5 to 1.11 as an extension (ALTER EXTENSION pgmq UPDATE)';

/** `pg_extension` has no version where PGMQ's functions were loaded without its extension: then nobody can tell. */
function versionFaults(version: string | null): readonly Difference[] {
  const subject = 'extension pgmq';
  const expected = `version ${PGMQ_OLDEST.join('.')} to ${PGMQ_NEWEST.join('.')}`;
  if (version === null) return [differs(subject, expected, 'none', UPDATE_PGMQ)];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (isBefore([major, minor], PGMQ_OLDEST)) return [differs(subject, expected, version, UPDATE_PGMQ)];
  if (!isBefore(PGMQ_NEWEST, [major, minor])) return [];
  const cure = 'its functions are checked all the same; watch the first steps';
  return [{ severity: 'warning', subject, expected, got: version, cure }];
}

function isBefore([major, minor]: readonly [number, number], [a, b]: readonly [number, number]): boolean {
  return major < a || (major === a && minor < b);
}

function messageFaults(columns: readonly string[]): readonly Difference[] {
  const missing = MESSAGE_COLUMNS.filter((column) => !columns.includes(column));
  if (missing.length === 0) return [];
  return [
    differs('type pgmq.message_record', MESSAGE_COLUMNS.join(', '), `no ${missing.join(', ')}`, UPDATE_PGMQ),
  ];
}

function differs(subject: string, expected: string, got: string, cure: string): Difference {
  return { severity: 'error', subject, expected, got, cure };
}
