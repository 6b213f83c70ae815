import { type Refusal, refuse } from '../model/verdict.ts';
import type { Queryable } from './connection.ts';
import { CREATE_QUEUES } from './sql/session.ts';

/** Tasker's limit: with prefix, suffix and PGMQ's own table prefix the name has to fit an identifier. */
const NAMESPACE_MAX_CHARS = 29;

/** Where results are announced. */
export const ORCHESTRATOR_RESULTS = 'orchestration_step_results';
/** Where the evaluation of a task is asked for. */
export const ORCHESTRATOR_EVALUATIONS = 'orchestration_task_finalizations';
/** Queues of the orchestrator's side; every worker creates them too, whoever starts first. */
const ORCHESTRATOR_QUEUES = [
  ORCHESTRATOR_RESULTS,
  'orchestration_task_requests',
  ORCHESTRATOR_EVALUATIONS,
] as const;

/** Why `namespace` cannot have a worker queue, or null. */
export function checkNamespace(namespace: string): Refusal | null {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(namespace) && namespace.length <= NAMESPACE_MAX_CHARS) return null;
  return refuse(
    'ERR_TEMPLATE_INVALID',
    `expected a namespace of at most ${NAMESPACE_MAX_CHARS} letters, digits and underscores that does not start with a digit, got ${JSON.stringify(namespace.slice(0, 64))}`,
  );
}

/** The queue on which Tasker dispatches the steps of a namespace. */
export function workerQueue(namespace: string): string {
  return `worker_${namespace}_queue`;
}

/** The queues that have to be there before a broker of `namespace` starts, or that it creates if it may. */
export function requiredQueues(namespace: string): readonly string[] {
  return [workerQueue(namespace), ...ORCHESTRATOR_QUEUES];
}

/** PGMQ's table of a queue. Only for names built from a checked namespace: they need no quoting. */
export function queueTableOf(queue: string): string {
  return `pgmq.q_${queue.toLowerCase()}`;
}

/**
 * Creates the queues of the contract that are missing. Must happen before the first task of the namespace: the
 * orchestrator enqueues a step before it finds out that it cannot send the message, and never repeats it.
 */
export async function createQueues(database: Queryable, namespace: string): Promise<void> {
  await database.query(CREATE_QUEUES, [requiredQueues(namespace)]);
}
