import { randomUUID } from 'node:crypto';
import { type Database, openDatabase } from '../../src/tasker/connection.ts';
import { registerTemplate } from '../../src/tasker/register-template.ts';
import { TaskTemplate } from '../../src/tasker/template.ts';
import { createTestDatabase } from '../support/postgres.ts';

/*
 * A Tasker database as its orchestrator leaves it: namespace, template, one task and its steps, written by plain SQL,
 * so that these tests depend on nothing but the tables.
 */

export interface StepRow {
  readonly state: string;
  readonly attempts: number | null;
  readonly in_process: boolean;
  readonly results: {
    readonly success: boolean;
    readonly result: unknown;
    readonly status: string;
    readonly metadata: Record<string, unknown>;
    readonly error: Record<string, unknown> | null;
    readonly orchestration_metadata: { readonly headers: Record<string, string> } | null;
  } | null;
  readonly transition_metadata: Record<string, string>;
}

export interface Fixture {
  /** For brokers: as the least-privilege role. */
  readonly url: string;
  /** For whoever plays the orchestrator: as the owner of the database. */
  readonly ownerUrl: string;
  readonly namespace: string;
  readonly queue: string;
  /** A broker's own connections, as the least-privilege role. */
  readonly database: Database;
  /** Registers a template of one or more steps and creates a task in `steps_in_process`. */
  createTask(options?: {
    readonly context?: unknown;
    readonly steps?: readonly object[];
    readonly lifecycle?: object;
  }): Promise<Task>;
  /** As the owner. */
  query<Row extends object = Record<string, never>>(sql: string, values?: unknown[]): Promise<Row[]>;
  messages(queue?: string): Promise<Record<string, string>[]>;
  archived(queue?: string): Promise<unknown[]>;
  /** Ends every session of others and lets nobody in, as a server that goes away does. */
  breakConnections(): Promise<void>;
  allowConnections(): Promise<void>;
  close(): Promise<void>;
}

export interface Task {
  readonly taskUuid: string;
  readonly correlationId: string;
  /** Adds a step in state `enqueued` with its message, or as the options say. Returns its id. */
  addStep(name: string, options?: StepOptions): Promise<string>;
  /** Moves the task to another state. */
  setState(state: string): Promise<void>;
}

export interface StepOptions {
  readonly state?: string;
  readonly message?: boolean;
  readonly inputs?: unknown;
  readonly after?: readonly string[];
  readonly result?: unknown;
  readonly retryable?: boolean;
}

export async function createFixture(namespace = 'wasm_test'): Promise<Fixture> {
  const testDatabase = await createTestDatabase();
  const url = await testDatabase.forBroker(namespace);
  let database = openDatabase(url);
  const owner = openDatabase(testDatabase.url);
  const query = async <Row extends object>(sql: string, values: unknown[] = []) =>
    (await owner.pool.query<Row>(sql, values)).rows;
  const queue = `worker_${namespace}_queue`;
  let tasks = 0;
  return {
    url,
    ownerUrl: testDatabase.url,
    namespace,
    queue,
    get database() {
      return database;
    },
    query,
    async createTask({
      context = {},
      steps = [{ name: 'greet', handler: { callable: 'hello' } }],
      lifecycle,
    } = {}) {
      const template = TaskTemplate.parse({
        name: `task_${++tasks}`,
        namespace_name: namespace,
        version: '1.0.0',
        steps,
        ...(lifecycle && { lifecycle }),
      });
      await registerTemplate(database.pool, template);
      return insertTask(owner, template.name, queue, context);
    },
    messages: async (name = queue) =>
      (await query<{ message: Record<string, string> }>(`SELECT message FROM pgmq.q_${name}`)).map(
        ({ message }) => message,
      ),
    archived: async (name = queue) =>
      (await query<{ message: unknown }>(`SELECT message FROM pgmq.a_${name}`)).map(({ message }) => message),
    async breakConnections() {
      await database.close();
      await testDatabase.lock();
    },
    async allowConnections() {
      await testDatabase.unlock();
      database = openDatabase(url);
    },
    async close() {
      await Promise.all([database.close(), owner.close()]);
      await testDatabase.drop();
    },
  };
}

/** State, row and last transition of a step. */
export async function readStep(fixture: Fixture, stepUuid: string): Promise<StepRow> {
  const [row] = await fixture.query<StepRow>(
    `SELECT tr.to_state AS state, ws.attempts, ws.in_process, ws.results, tr.metadata AS transition_metadata
       FROM workflow_steps ws JOIN workflow_step_transitions tr
         ON tr.workflow_step_uuid = ws.workflow_step_uuid AND tr.most_recent
      WHERE ws.workflow_step_uuid = $1`,
    [stepUuid],
  );
  if (row === undefined) throw new Error(`no step ${stepUuid}`);
  return row;
}

/** Moves a step as an operator or another worker would. */
export async function moveStep(fixture: Fixture, stepUuid: string, toState: string): Promise<void> {
  await fixture.query(
    `WITH old AS (UPDATE workflow_step_transitions SET most_recent = false
                   WHERE workflow_step_uuid = $1::uuid AND most_recent RETURNING to_state, sort_key)
     INSERT INTO workflow_step_transitions
       (workflow_step_uuid, to_state, from_state, metadata, sort_key, most_recent, created_at, updated_at)
     SELECT $1::uuid, $2::text, to_state, '{}', sort_key + 1, true, NOW(), NOW() FROM old`,
    [stepUuid, toState],
  );
}

/** Makes a step's current transition older, instead of waiting. */
export async function backdate(fixture: Fixture, stepUuid: string, seconds: number): Promise<void> {
  await fixture.query(
    `UPDATE workflow_step_transitions SET created_at = created_at - $2::int * interval '1 second'
      WHERE workflow_step_uuid = $1 AND most_recent`,
    [stepUuid, seconds],
  );
}

async function insertTask(database: Database, name: string, queue: string, context: unknown): Promise<Task> {
  const { pool } = database;
  const taskUuid = randomUUID();
  const correlationId = randomUUID();
  await pool.query(
    `INSERT INTO tasks (task_uuid, named_task_uuid, requested_at, identity_hash, context, correlation_id, created_at, updated_at)
     SELECT $1::uuid, named_task_uuid, NOW(), $1::uuid::text, $3::jsonb, $4, NOW(), NOW() FROM named_tasks WHERE name = $2`,
    [taskUuid, name, JSON.stringify(context), correlationId],
  );
  const task: Task = {
    taskUuid,
    correlationId,
    addStep: (stepName, options = {}) => insertStep(database, task, queue, stepName, options),
    async setState(state) {
      await pool.query(`UPDATE task_transitions SET most_recent = false WHERE task_uuid = $1`, [taskUuid]);
      await pool.query(
        `INSERT INTO task_transitions (task_uuid, to_state, sort_key, most_recent, created_at, updated_at)
         SELECT $1::uuid, $2::text, count(*) + 1, true, NOW(), NOW() FROM task_transitions WHERE task_uuid = $1::uuid`,
        [taskUuid, state],
      );
    },
  };
  await task.setState('steps_in_process');
  return task;
}

async function insertStep(
  { pool }: Database,
  { taskUuid, correlationId }: Task,
  queue: string,
  name: string,
  options: StepOptions,
): Promise<string> {
  const stepUuid = randomUUID();
  const { inputs = null, result, after = [], retryable = true } = options;
  const processed = result !== undefined;
  const state = options.state ?? (processed ? 'complete' : 'enqueued');
  await pool.query(
    `INSERT INTO named_steps (name, created_at, updated_at) VALUES ($1, NOW(), NOW()) ON CONFLICT (name) DO NOTHING`,
    [name],
  );
  await pool.query(
    `INSERT INTO workflow_steps (workflow_step_uuid, task_uuid, named_step_uuid, inputs, results, processed, retryable, created_at, updated_at)
     SELECT $1::uuid, $2::uuid, named_step_uuid, $4::jsonb, $5::jsonb, $6::boolean, $7::boolean, NOW(), NOW() FROM named_steps WHERE name = $3`,
    [
      stepUuid,
      taskUuid,
      name,
      inputs === null ? null : JSON.stringify(inputs),
      processed ? JSON.stringify({ success: true, result }) : null,
      processed,
      retryable,
    ],
  );
  await pool.query(
    `INSERT INTO workflow_step_transitions (workflow_step_uuid, to_state, sort_key, most_recent, created_at, updated_at)
     VALUES ($1, $2, 1, true, NOW(), NOW())`,
    [stepUuid, state],
  );
  for (const upstream of after) {
    await pool.query(
      `INSERT INTO workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
       VALUES ($1, $2, 'provides', NOW(), NOW())`,
      [upstream, stepUuid],
    );
  }
  if (options.message ?? state === 'enqueued') {
    await pool.query(`SELECT tasker.pgmq_send_with_notify($1, $2::jsonb)`, [
      queue,
      JSON.stringify({ task_uuid: taskUuid, step_uuid: stepUuid, correlation_id: correlationId }),
    ]);
  }
  return stepUuid;
}
