import { ORCHESTRATOR_EVALUATIONS, ORCHESTRATOR_RESULTS, queueTableOf, workerQueue } from '../queues.ts';

/** One kind of access to a relation, on some of its columns or, without a list, on all. */
export interface Privilege {
  readonly schema: string;
  readonly relation: string;
  readonly action: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  readonly columns: readonly string[] | null;
}

/** Schemas whose objects the broker names. */
export const USED_SCHEMAS = ['tasker', 'pgmq'] as const;

/** Functions the broker calls, or that are called on its behalf by those. In all their versions. */
export const USED_FUNCTIONS: Readonly<Record<(typeof USED_SCHEMAS)[number], readonly string[]>> = {
  tasker: [
    'uuid_generate_v7',
    'extract_queue_namespace',
    'pgmq_payload_size_threshold',
    'pgmq_send_with_notify',
    'create_step_result_audit',
  ],
  pgmq: [
    'read',
    'archive',
    'set_vt',
    'send',
    'send_batch',
    '_send_batch',
    '_validate_batch_params',
    'format_table_name',
  ],
};

type Columns = Partial<Record<Privilege['action'], readonly string[]>>;

/** What the broker's statements touch in schema `tasker`, column by column. A statement that needs more fails its test. */
const TASKER: Readonly<Record<string, Columns>> = {
  task_namespaces: {
    SELECT: ['task_namespace_uuid', 'name'],
    INSERT: ['name', 'created_at', 'updated_at'],
  },
  named_tasks: {
    SELECT: ['named_task_uuid', 'task_namespace_uuid', 'name', 'version', 'description', 'configuration'],
    INSERT: [
      'task_namespace_uuid',
      'name',
      'version',
      'description',
      'configuration',
      'created_at',
      'updated_at',
    ],
    UPDATE: ['configuration', 'description', 'updated_at'],
  },
  named_steps: { SELECT: ['named_step_uuid', 'name'] },
  tasks: { SELECT: ['task_uuid', 'named_task_uuid', 'correlation_id', 'context'] },
  task_transitions: { SELECT: ['task_uuid', 'to_state', 'most_recent', 'created_at'] },
  workflow_steps: {
    SELECT: [
      'workflow_step_uuid',
      'task_uuid',
      'named_step_uuid',
      'retryable',
      'max_attempts',
      'in_process',
      'processed',
      'attempts',
      'last_attempted_at',
      'backoff_request_seconds',
      'inputs',
      'results',
      'checkpoint',
    ],
    UPDATE: ['in_process', 'attempts', 'last_attempted_at', 'results', 'checkpoint', 'updated_at'],
  },
  workflow_step_edges: { SELECT: ['from_step_uuid', 'to_step_uuid'] },
  workflow_step_transitions: {
    SELECT: [
      'workflow_step_transition_uuid',
      'workflow_step_uuid',
      'to_state',
      'metadata',
      'sort_key',
      'most_recent',
      'created_at',
    ],
    INSERT: [
      'workflow_step_uuid',
      'to_state',
      'from_state',
      'metadata',
      'sort_key',
      'most_recent',
      'created_at',
      'updated_at',
    ],
    UPDATE: ['most_recent', 'updated_at'],
  },
  // Written by Tasker's trigger on the completion, in the name of whoever completes.
  workflow_step_result_audit: {
    SELECT: ['workflow_step_uuid', 'workflow_step_transition_uuid'],
    INSERT: [
      'workflow_step_uuid',
      'workflow_step_transition_uuid',
      'task_uuid',
      'worker_uuid',
      'correlation_id',
      'success',
      'execution_time_ms',
    ],
  },
};

/**
 * Everything a broker of `namespace` needs on tables that are not its own; those of schema `wasm_broker` it owns. PGMQ's
 * functions run with the rights of their caller, and their columns differ between versions: there whole tables.
 */
export function brokerPrivileges(namespace: string): readonly Privilege[] {
  return [
    ...Object.entries(TASKER).flatMap(([relation, actions]) =>
      Object.entries(actions).map(([action, columns]) => ({
        schema: 'tasker',
        relation,
        action: action as Privilege['action'],
        columns,
      })),
    ),
    ...onQueue('meta', ['SELECT']),
    ...onQueue(relationOf(queueTableOf(workerQueue(namespace))), ['SELECT', 'UPDATE', 'DELETE']),
    ...onQueue(relationOf(queueTableOf(workerQueue(namespace)).replace('.q_', '.a_')), ['SELECT', 'INSERT']),
    ...[ORCHESTRATOR_RESULTS, ORCHESTRATOR_EVALUATIONS].flatMap((queue) =>
      onQueue(relationOf(queueTableOf(queue)), ['SELECT', 'INSERT']),
    ),
  ];
}

function onQueue(relation: string, actions: readonly Privilege['action'][]): readonly Privilege[] {
  return actions.map((action) => ({ schema: 'pgmq', relation, action, columns: null }));
}

function relationOf(table: string): string {
  return table.replace('pgmq.', '');
}
