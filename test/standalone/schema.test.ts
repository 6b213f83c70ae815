import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEngine } from '../../src/standalone/engine.ts';
import { installSchema, SCHEMA_VERSION } from '../../src/standalone/schema/install.ts';
import { sessionConfig } from '../../src/standalone/session.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let client: pg.Client;

async function connect(): Promise<void> {
  database = await createTestDatabase();
  client = new pg.Client(sessionConfig(database.url));
  await client.connect();
}
async function disconnect(): Promise<void> {
  await client.end();
  await database.drop();
}

describe('installing the standalone schema', () => {
  beforeEach(connect);
  afterEach(disconnect);

  it('again changes nothing', async () => {
    const version = 'SELECT * FROM tasker_standalone.schema_version';
    const before = await client.query(version);
    await Promise.all([installSchema(client), installSchema(database.url)]);
    const after = await client.query(version);
    expect(after.rows).toEqual(before.rows);
    expect(after.rows.at(-1)?.version).toBe(SCHEMA_VERSION);
  });

  it('works on an empty database, from several programs at once', async () => {
    await client.query('DROP SCHEMA tasker, tasker_standalone CASCADE; DROP EXTENSION pgmq CASCADE');
    await Promise.all([installSchema(database.url), installSchema(database.url)]);
    const { rows } = await client.query('SELECT count(*)::integer AS steps FROM tasker.workflow_steps');
    expect(rows).toEqual([{ steps: 0 }]);
  });

  it('is refused where another program made schema tasker, and changes nothing there', async () => {
    await client.query('DROP SCHEMA tasker_standalone CASCADE');
    await expect(installSchema(database.url)).rejects.toMatchObject({ code: 'ERR_DATABASE_FOREIGN' });
    await expect(createEngine({ databaseUrl: database.url })).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
    });
    const { rows } = await client.query(`SELECT to_regnamespace('tasker_standalone') AS schema`);
    expect(rows).toEqual([{ schema: null }]);
  });

  it('is refused where a newer program has been', async () => {
    await client.query('INSERT INTO tasker_standalone.schema_version (version) VALUES ($1)', [
      SCHEMA_VERSION + 1,
    ]);
    await expect(installSchema(database.url)).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
      message: expect.stringContaining(`version ${SCHEMA_VERSION + 1}`),
    });
    await expect(createEngine({ databaseUrl: database.url })).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
    });
  });

  it('says so when no server answers, without the password', async () => {
    const url = 'postgresql://tasker:hidden@127.0.0.1:1/tasker';
    const failure = await installSchema(url).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' });
    expect(String(failure)).not.toContain('hidden');
  });
});

describe('the worker contract', () => {
  beforeAll(connect);
  afterAll(disconnect);

  it.each([
    ['orchestration_step_results', 'orchestration'],
    ['worker_shop_queue', 'shop'],
    ['worker_a_queue_queue', 'a_queue'],
    ['emails_queue', 'emails'],
    ['worker__queue', 'worker_'],
    ['anything', 'default'],
  ])('takes the namespace of queue %s to be %s', async (queue, namespace) => {
    const { rows } = await client.query('SELECT tasker.extract_queue_namespace($1) AS namespace', [queue]);
    expect(rows).toEqual([{ namespace }]);
  });

  it('announces a message on the channel of its namespace and on the global one, small ones with their body', async () => {
    await client.query(`SELECT pgmq.create('worker_shop_queue')`);
    const heard: { channel: string; payload: Record<string, unknown> }[] = [];
    client.on('notification', ({ channel, payload }) =>
      heard.push({ channel, payload: JSON.parse(payload ?? '') }),
    );
    await client.query('LISTEN "pgmq_message_ready.shop"; LISTEN pgmq_message_ready');
    const send = `SELECT tasker.pgmq_send_with_notify('worker_shop_queue', $1::jsonb)::integer AS id`;
    const small = await client.query(send, ['{"a": 1}']);
    const large = await client.query(send, [JSON.stringify({ a: 'x'.repeat(7000) })]);
    const common = { queue_name: 'worker_shop_queue', namespace: 'shop', delay_seconds: 0 };
    const ready = { ready_at: expect.any(String) };
    const first = {
      ...common,
      ...ready,
      event_type: 'message_with_payload',
      msg_id: small.rows[0].id,
      message: { a: 1 },
    };
    const second = {
      ...common,
      ...ready,
      event_type: 'message_ready',
      msg_id: large.rows[0].id,
      payload_omitted: true,
    };
    expect(heard).toEqual([
      { channel: 'pgmq_message_ready.shop', payload: first },
      { channel: 'pgmq_message_ready', payload: first },
      { channel: 'pgmq_message_ready.shop', payload: second },
      { channel: 'pgmq_message_ready', payload: second },
    ]);
    const id = small.rows[0].id;
    const read = 'SELECT msg_id, read_ct, message FROM tasker.pgmq_read_specific_message($1, $2, 30)';
    expect((await client.query(read, ['worker_shop_queue', id])).rows).toEqual([
      { msg_id: String(id), read_ct: 1, message: { a: 1 } },
    ]);
    expect((await client.query(read, ['worker_shop_queue', id])).rows).toEqual([]);
    await expect(client.query(read, ['no_queue', id])).rejects.toThrow('Queue does not exist: no_queue');
  });

  it('has the columns, in name and type, that a worker reads and writes', async () => {
    const { rows } = await client.query<{ table: string; columns: string[] }>(
      `SELECT table_name AS table, array_agg(column_name || ' ' || udt_name ORDER BY ordinal_position) AS columns
         FROM information_schema.columns WHERE table_schema = 'tasker'
          AND table_name IN ('workflow_steps', 'workflow_step_transitions', 'workflow_step_result_audit')
        GROUP BY table_name ORDER BY table_name`,
    );
    expect(Object.fromEntries(rows.map((row) => [row.table, row.columns.join(', ')]))).toEqual({
      workflow_step_result_audit:
        'workflow_step_result_audit_uuid uuid, workflow_step_uuid uuid, workflow_step_transition_uuid uuid,' +
        ' task_uuid uuid, recorded_at timestamp, worker_uuid uuid, correlation_id uuid, success bool,' +
        ' execution_time_ms int8, created_at timestamp, updated_at timestamp',
      workflow_step_transitions:
        'workflow_step_transition_uuid uuid, workflow_step_uuid uuid, to_state varchar, from_state varchar,' +
        ' metadata jsonb, sort_key int4, most_recent bool, created_at timestamp, updated_at timestamp',
      workflow_steps:
        'workflow_step_uuid uuid, task_uuid uuid, named_step_uuid uuid, retryable bool, max_attempts int4,' +
        ' in_process bool, processed bool, processed_at timestamp, attempts int4, last_attempted_at timestamp,' +
        ' backoff_request_seconds int4, inputs jsonb, results jsonb, created_at timestamp, updated_at timestamp,' +
        ' priority int4, checkpoint jsonb',
    });
  });
});

describe('the history of a step', () => {
  let step: string;
  beforeAll(async () => {
    await connect();
    const { rows } = await client.query<{ uuid: string }>(
      `WITH ns AS (INSERT INTO tasker.task_namespaces (name, created_at, updated_at) VALUES ('n', now(), now()) RETURNING *),
            nt AS (INSERT INTO tasker.named_tasks (task_namespace_uuid, name, created_at, updated_at)
                   SELECT task_namespace_uuid, 't', now(), now() FROM ns RETURNING *),
            t AS (INSERT INTO tasker.tasks
                    (named_task_uuid, requested_at, identity_hash, correlation_id, created_at, updated_at)
                  SELECT named_task_uuid, now(), 'h', gen_random_uuid(), now(), now() FROM nt RETURNING *),
            st AS (INSERT INTO tasker.named_steps (name, created_at, updated_at) VALUES ('s', now(), now()) RETURNING *)
       INSERT INTO tasker.workflow_steps (task_uuid, named_step_uuid, created_at, updated_at)
       SELECT task_uuid, named_step_uuid, now(), now() FROM t, st RETURNING workflow_step_uuid AS uuid`,
    );
    step = rows[0]?.uuid ?? '';
  });
  afterAll(disconnect);

  const enter = (state: string, mostRecent: boolean, metadata: unknown = {}) =>
    client.query(
      `INSERT INTO tasker.workflow_step_transitions
         (workflow_step_uuid, to_state, metadata, sort_key, most_recent, created_at, updated_at)
       VALUES ($1, $2, $3::jsonb, 1, $4, now(), now())`,
      [step, state, JSON.stringify(metadata), mostRecent],
    );

  it('has one current state, and no state that Tasker does not know', async () => {
    await enter('pending', true);
    await expect(enter('enqueued', true)).rejects.toMatchObject({
      constraint: 'idx_workflow_step_transitions_uuid_most_recent',
    });
    await expect(enter('sleeping', false)).rejects.toMatchObject({
      constraint: 'chk_workflow_step_transitions_to_state',
    });
  });

  it('is audited when a worker reports, whatever its metadata is', async () => {
    const worker = '01900000-0000-7000-8000-000000000001';
    const event = { type: 'x', success: false, metadata: { execution_time_ms: 12 } };
    await enter('enqueued_for_orchestration', false, { worker_uuid: worker, event: JSON.stringify(event) });
    await enter('enqueued_as_error_for_orchestration', false, {
      worker_uuid: 'no',
      event: '{broken',
      correlation_id: 7,
    });
    await enter('complete', false, { worker_uuid: worker });
    const { rows } = await client.query(
      `SELECT worker_uuid, correlation_id, success, execution_time_ms::integer AS ms
         FROM tasker.workflow_step_result_audit ORDER BY ms NULLS LAST`,
    );
    expect(rows).toEqual([
      { worker_uuid: worker, correlation_id: null, success: false, ms: 12 },
      { worker_uuid: null, correlation_id: null, success: false, ms: null },
    ]);
  });

  it('cannot be written by a session without tasker in its search_path, as in Tasker', async () => {
    await client.query('SET search_path TO public');
    await expect(enter('enqueued_for_orchestration', false)).rejects.toThrow(
      'relation "workflow_step_result_audit" does not exist',
    );
    await client.query('SET search_path TO tasker, public');
  });
});
