import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { BrokerError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { Connections } from './connections.ts';
import type { Wave } from './context.ts';
import { beginTask } from './coordinate.ts';
import { initialSteps } from './graph.ts';
import { findNamedTask, type NamedTask } from './named-task.ts';
import { sanitizeContext } from './sanitize.ts';
import { createEdges, createSteps } from './steps.ts';
import { beginHistory } from './transitions.ts';

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
  readonly tags?: readonly string[];
  readonly priority?: number;
  /** Default: a new one. */
  readonly correlationId?: string;
  readonly parentCorrelationId?: string;
}

/** Sizes of the columns. */
const Request = z.object({
  context: z.record(z.string(), z.json()),
  idempotencyKey: z.string().min(1).optional(),
  initiator: z.string().max(128),
  sourceSystem: z.string().max(128),
  reason: z.string().max(128),
});

export interface Submitted {
  readonly taskUuid: string;
  /** False when an earlier request made the task. */
  readonly created: boolean;
}

/**
 * Creates a task with its first steps in one transaction, then enqueues those that can start, or finds the one that the
 * same request made before. The task goes through `enqueuing_steps` beside the engine's loop: a result that comes back
 * meanwhile meets hazard 4.
 *
 * @throws BrokerError ERR_TEMPLATE_INVALID, ERR_INPUT_INVALID
 */
export async function submitTask(connections: Connections, request: TaskRequest): Promise<Submitted> {
  const submitted = await connections.inWave((wave) => createTask(wave, request));
  if (submitted.created) await beginTask(connections, submitted.taskUuid);
  return submitted;
}

async function createTask(wave: Wave, request: TaskRequest): Promise<Submitted> {
  const { client } = wave;
  const named = await findNamedTask(client, request.namespace, request.name, request.version);
  checkRequest(request);
  const context = sanitizeContext(request.context);
  const identity = identityOf(named, context, request.idempotencyKey);
  const inserted = await client.query<{ uuid: string }>(
    `INSERT INTO tasker.tasks (named_task_uuid, requested_at, initiator, source_system, reason, context,
       identity_hash, correlation_id, parent_correlation_id, tags, priority, created_at, updated_at)
     VALUES ($1, now(), $2, $3, $4, $5::jsonb, $6, $7, $8, $9::jsonb, $10, now(), now())
     ON CONFLICT (identity_hash) DO NOTHING RETURNING task_uuid AS uuid`,
    [
      named.uuid,
      request.initiator,
      request.sourceSystem,
      request.reason,
      JSON.stringify(context),
      identity,
      request.correlationId ?? randomUUID(),
      request.parentCorrelationId ?? null,
      JSON.stringify(request.tags ?? []),
      request.priority ?? 0,
    ],
  );
  const taskUuid = inserted.rows[0]?.uuid;
  if (taskUuid === undefined) return { taskUuid: await findTask(wave, identity), created: false };
  wave.events.push({ type: 'task_created', taskUuid });
  await beginHistory(client, 'task', taskUuid);
  const steps = initialSteps(named.template);
  await createEdges(client, steps, await createSteps(client, taskUuid, steps), () => null);
  return { taskUuid, created: true };
}

function checkRequest(request: TaskRequest): void {
  const parsed = Request.safeParse(request);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  throw new BrokerError('ERR_INPUT_INVALID', `task request: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Template and context, whatever identity strategy the template declares: Tasker 0.1.8 does not look at that. */
function identityOf(named: NamedTask, context: JsonObject, key: string | undefined): string {
  const [kind, text] = key === undefined ? ['context', canonical(context)] : ['key', key];
  return createHash('sha256').update(`${named.uuid}\n${kind}\n${text}`).digest('hex');
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
