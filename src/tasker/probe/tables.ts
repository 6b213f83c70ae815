import type { Queryable } from '../connection.ts';
import { type Difference, MIGRATE } from './difference.ts';

const TIMESTAMPS = {
  created_at: 'timestamp without time zone',
  updated_at: 'timestamp without time zone',
} as const;
const NAMED = { name: 'character varying', description: 'character varying', ...TIMESTAMPS } as const;
const TRANSITION = {
  to_state: 'character varying',
  from_state: 'character varying',
  metadata: 'jsonb',
  sort_key: 'integer',
  most_recent: 'boolean',
  ...TIMESTAMPS,
} as const;

/** The columns of the worker contract with their types, lengths left out: Tasker 0.1.8. */
const COLUMNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  task_namespaces: { task_namespace_uuid: 'uuid', ...NAMED },
  named_tasks: {
    named_task_uuid: 'uuid',
    task_namespace_uuid: 'uuid',
    ...NAMED,
    version: 'character varying',
    configuration: 'jsonb',
  },
  named_steps: { named_step_uuid: 'uuid', ...NAMED },
  tasks: {
    task_uuid: 'uuid',
    named_task_uuid: 'uuid',
    complete: 'boolean',
    requested_at: 'timestamp without time zone',
    completed_at: 'timestamp without time zone',
    context: 'jsonb',
    identity_hash: 'character varying',
    correlation_id: 'uuid',
    parent_correlation_id: 'uuid',
    ...TIMESTAMPS,
  },
  task_transitions: { task_transition_uuid: 'uuid', task_uuid: 'uuid', ...TRANSITION },
  workflow_steps: {
    workflow_step_uuid: 'uuid',
    task_uuid: 'uuid',
    named_step_uuid: 'uuid',
    retryable: 'boolean',
    max_attempts: 'integer',
    in_process: 'boolean',
    processed: 'boolean',
    processed_at: 'timestamp without time zone',
    attempts: 'integer',
    last_attempted_at: 'timestamp without time zone',
    backoff_request_seconds: 'integer',
    inputs: 'jsonb',
    results: 'jsonb',
    checkpoint: 'jsonb',
    ...TIMESTAMPS,
  },
  workflow_step_transitions: {
    workflow_step_transition_uuid: 'uuid',
    workflow_step_uuid: 'uuid',
    ...TRANSITION,
  },
  workflow_step_edges: { from_step_uuid: 'uuid', to_step_uuid: 'uuid', name: 'character varying' },
  workflow_step_result_audit: {
    workflow_step_uuid: 'uuid',
    workflow_step_transition_uuid: 'uuid',
    task_uuid: 'uuid',
    worker_uuid: 'uuid',
    correlation_id: 'uuid',
    success: 'boolean',
    execution_time_ms: 'bigint',
  },
};

/** The tables that the broker writes rows to: a column it does not know must not need a value. */
const INSERTED_INTO = ['task_namespaces', 'named_tasks', 'workflow_step_transitions'] as const;

const LIST_COLUMNS = `
SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, NULL) AS type,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS mandatory
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'tasker'
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p') AND c.relname = ANY ($1::text[])`;

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly mandatory: boolean;
}

/** Tables and columns that are missing, of another type, or new and mandatory. */
export async function checkTables(client: Queryable): Promise<readonly Difference[]> {
  const { rows } = await client.query<Column>(LIST_COLUMNS, [Object.keys(COLUMNS)]);
  return Object.entries(COLUMNS).flatMap(([table, columns]) => {
    const found = new Map(rows.filter((row) => row.table === table).map((row) => [row.name, row]));
    if (found.size === 0) return [differs(`table tasker.${table}`, 'a table', 'none')];
    return [...columnFaults(table, columns, found), ...newMandatory(table, columns, found)];
  });
}

function columnFaults(
  table: string,
  columns: Readonly<Record<string, string>>,
  found: ReadonlyMap<string, Column>,
): readonly Difference[] {
  return Object.entries(columns).flatMap(([name, type]) => {
    const got = found.get(name)?.type ?? 'none';
    return got === type ? [] : [differs(`column tasker.${table}.${name}`, type, got)];
  });
}

function newMandatory(
  table: string,
  columns: Readonly<Record<string, string>>,
  found: ReadonlyMap<string, Column>,
): readonly Difference[] {
  if (!(INSERTED_INTO as readonly string[]).includes(table)) return [];
  return [...found.values()]
    .filter(({ name, mandatory }) => mandatory && !Object.hasOwn(columns, name))
    .map(({ name }) =>
      differs(
        `column tasker.${table}.${name}`,
        'no such column, or one that may be left out',
        'a mandatory one',
      ),
    );
}

function differs(subject: string, expected: string, got: string): Difference {
  return { severity: 'error', subject, expected, got, cure: MIGRATE };
}
