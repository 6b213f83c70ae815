import type { Database } from '../../src/tasker/connection.ts';
import { queueTableOf, workerQueue } from '../../src/tasker/queues.ts';
import { NAMESPACE } from './statements.ts';

/** A step after a run, with everything that happened to it. */
export interface StepHistory {
  readonly step: string;
  readonly name: string;
  readonly task: string;
  readonly attempts: number;
  readonly in_process: boolean;
  readonly result: unknown;
  readonly transitions: readonly Transition[];
  /** `success` of each audit row. */
  readonly audit: readonly boolean[];
}

export interface Transition {
  readonly to: string;
  readonly worker: string | null;
  /** Of a failure. */
  readonly code: string | null;
  readonly message: string | null;
}

const FAILURE = `CASE WHEN tr.to_state LIKE 'enqueued_as_error%' THEN (tr.metadata->>'event')::jsonb->'data' END`;
const HISTORY = `
SELECT ws.workflow_step_uuid AS step, ns.name, t.context->>'task' AS task, COALESCE(ws.attempts, 0) AS attempts,
       ws.in_process, ws.results->'result' AS result,
       (SELECT jsonb_agg(jsonb_build_object(
                 'to', tr.to_state, 'worker', tr.metadata->>'worker_uuid',
                 'code', ${FAILURE} #>> '{metadata,error_code}', 'message', ${FAILURE} #>> '{error,message}')
               ORDER BY tr.sort_key)
          FROM tasker.workflow_step_transitions tr WHERE tr.workflow_step_uuid = ws.workflow_step_uuid) AS transitions,
       COALESCE((SELECT jsonb_agg(a.success) FROM tasker.workflow_step_result_audit a
                  WHERE a.workflow_step_uuid = ws.workflow_step_uuid), '[]') AS audit
  FROM tasker.workflow_steps ws
  JOIN tasker.named_steps ns ON ns.named_step_uuid = ws.named_step_uuid
  JOIN tasker.tasks t ON t.task_uuid = ws.task_uuid
 ORDER BY t.created_at, ws.created_at, ns.name`;

export async function readHistory({ pool }: Database): Promise<readonly StepHistory[]> {
  return (await pool.query<StepHistory>(HISTORY)).rows;
}

/** What is on its way: rows that have to be gone when every task is complete. */
export interface Leftovers {
  readonly unfinished: number;
  /** Tasks that will never complete any more. */
  readonly failed: number;
  readonly dispatched: number;
  readonly reported: number;
  readonly waiting: number;
}

const LEFTOVERS = `
SELECT (SELECT count(*)::int FROM tasker.tasks t JOIN tasker.task_transitions tt ON tt.task_uuid = t.task_uuid AND tt.most_recent
         WHERE tt.to_state <> 'complete') AS unfinished,
       (SELECT count(*)::int FROM tasker.task_transitions
         WHERE most_recent AND to_state IN ('blocked_by_failures', 'error', 'cancelled')) AS failed,
       (SELECT count(*)::int FROM ${queueTableOf(workerQueue(NAMESPACE))}) AS dispatched,
       (SELECT count(*)::int FROM pgmq.q_orchestration_step_results) AS reported,
       (SELECT count(*)::int FROM wasm_broker.waiting_steps) AS waiting`;

export async function readLeftovers({ pool }: Database): Promise<Leftovers> {
  const [row] = (await pool.query<Leftovers>(LEFTOVERS)).rows;
  if (row === undefined) throw new Error('no row');
  return row;
}

const SESSIONS = `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE client_port = ANY ($1::int[]) AND datname = current_database()`;
const IN_PROGRESS = `
SELECT tr.workflow_step_uuid || ' ' || (tr.metadata->>'worker_uuid') AS claim
  FROM tasker.workflow_step_transitions tr
 WHERE tr.most_recent AND tr.to_state = 'in_progress'
   AND NOT EXISTS (SELECT FROM wasm_broker.waiting_steps w WHERE w.step_uuid = tr.workflow_step_uuid)`;

/** Claims (`STEP WORKER`) that a dead broker has left behind, once the server has ended its sessions. */
export async function readOrphans({ pool }: Database, ports: readonly number[]): Promise<readonly string[]> {
  const sessions = async () =>
    (await pool.query<{ sessions: number }>(SESSIONS, [ports])).rows[0]?.sessions ?? 0;
  while ((await sessions()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return (await pool.query<{ claim: string }>(IN_PROGRESS)).rows.map(({ claim }) => claim);
}
