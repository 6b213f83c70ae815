import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { BrokerError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { advanceTask } from './advance.ts';
import type { Wave } from './context.ts';
import { initialSteps } from './graph.ts';
import { findNamedTask, type NamedTask } from './named-task.ts';
import { createEdges, createSteps } from './steps.ts';
import { beginHistory, transitionTask } from './transitions.ts';

/** A request to run a template once. */
export interface TaskRequest {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  /** The task's input. */
  readonly context: JsonObject;
  /** Two requests for one template with the same key are one task. Without it, the context is the key. */
  readonly idempotencyKey?: string;
  readonly initiator: string;
  readonly sourceSystem: string;
  readonly reason: string;
}

/** Sizes of the columns, and of the queue name that a namespace becomes part of (worker protocol §1.1). */
const Request = z.object({
  namespace: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,28}$/, 'a namespace is 1–29 letters, digits or "_"'),
  name: z.string().min(1).max(64),
  version: z.string().min(1).max(16),
  context: z.record(z.string(), z.json()),
  idempotencyKey: z.string().min(1).optional(),
  initiator: z.string().min(1).max(128),
  sourceSystem: z.string().min(1).max(128),
  reason: z.string().min(1).max(128),
});

/**
 * Creates a task with its first steps and enqueues those that can start; or finds the one that the same request made
 * before. Everything happens in the caller's transaction.
 *
 * @throws BrokerError ERR_INPUT_INVALID, ERR_TEMPLATE_INVALID; ERR_CONFIG_INVALID when no worker made the queue
 */
export async function submitTask(
  wave: Wave,
  request: TaskRequest,
): Promise<{ taskUuid: string; created: boolean }> {
  const { client } = wave;
  checkRequest(request);
  const named = await findNamedTask(client, request.namespace, request.name, request.version);
  await checkQueue(wave, request.namespace);
  const identity = identityOf(named, request);
  const inserted = await client.query<{ uuid: string }>(
    `INSERT INTO tasker.tasks (named_task_uuid, requested_at, initiator, source_system, reason, context,
       identity_hash, correlation_id, created_at, updated_at)
     VALUES ($1, now(), $2, $3, $4, $5::jsonb, $6, $7, now(), now())
     ON CONFLICT (identity_hash) DO NOTHING RETURNING task_uuid AS uuid`,
    [
      named.uuid,
      request.initiator,
      request.sourceSystem,
      request.reason,
      JSON.stringify(request.context),
      identity,
      randomUUID(),
    ],
  );
  const taskUuid = inserted.rows[0]?.uuid;
  if (taskUuid === undefined) return { taskUuid: await findTask(wave, identity), created: false };
  wave.events.push({ type: 'task_created', taskUuid });
  await beginHistory(client, 'task', taskUuid);
  const steps = initialSteps(named.template);
  await createEdges(client, steps, await createSteps(client, taskUuid, steps), () => null);
  await transitionTask(client, taskUuid, 'pending', 'initializing');
  await advanceTask(wave, taskUuid);
  return { taskUuid, created: true };
}

function checkRequest(request: TaskRequest): void {
  const parsed = Request.safeParse(request);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  throw new BrokerError('ERR_INPUT_INVALID', `task request: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** As with Tasker, the queue is the worker's to make: a task without one would wait for ever. */
async function checkQueue({ client }: Wave, namespace: string): Promise<void> {
  const queue = `worker_${namespace}_queue`;
  const { rowCount } = await client.query('SELECT FROM pgmq.meta WHERE queue_name = $1', [queue]);
  if (rowCount === 0) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      `queue ${queue} does not exist; start a worker of namespace "${namespace}" first`,
    );
  }
}

/** What makes two requests the same task, as the template's identity strategy says (worker protocol §6.1). */
function identityOf(named: NamedTask, request: TaskRequest): string {
  const hash = (kind: string, text: string): string =>
    createHash('sha256').update(`${named.uuid}\n${kind}\n${text}`).digest('hex');
  if (request.idempotencyKey !== undefined) return hash('key', request.idempotencyKey);
  switch (named.identityStrategy) {
    case 'strict':
      return hash('context', canonical(request.context));
    case 'always_unique':
      return hash('unique', randomUUID());
    case 'caller_provided':
      throw new BrokerError(
        'ERR_INPUT_INVALID',
        `template ${request.name} asks the caller for an idempotencyKey, and the request has none`,
      );
  }
}

/** JSON text that does not depend on the order of keys. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

async function findTask({ client }: Wave, identity: string): Promise<string> {
  const { rows } = await client.query<{ uuid: string }>(
    'SELECT task_uuid AS uuid FROM tasker.tasks WHERE identity_hash = $1',
    [identity],
  );
  const [task] = rows;
  if (task === undefined) throw new BrokerError('ERR_INTERNAL', 'a task was neither created nor found');
  return task.uuid;
}
