import { readdirSync } from 'node:fs';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrateBrokerSchema } from '../../src/tasker/broker-schema.ts';
import { type Database, openDatabase } from '../../src/tasker/connection.ts';
import { describeDifference } from '../../src/tasker/probe/difference.ts';
import { probeDatabase, probeStatements } from '../../src/tasker/probe/probe.ts';
import { brokerStatements } from '../../src/tasker/probe/statements.ts';
import { createTaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture } from './fixture.ts';

/** The tests' server is a throw-away one. */
const DURABILITY = /^durability: /;

/** Migrations of Tasker 0.1.8 with the first bytes of their checksums, as sqlx records them. */
const SQLX = `
  CREATE TABLE public._sqlx_migrations (version bigint, checksum bytea, success boolean);
  INSERT INTO public._sqlx_migrations VALUES
    (20250810140001, '\\xd970afaaa8efdc194d534f7a', true), (20250826180921, '\\xa121cd2f8e1ffab3641ea68f', true),
    (20260110000001, '\\xaf1e63d1d9b8ef0d3a012dac', true), (20260110000002, '\\xdc960a4428d8ed5896c4e400', true),
    (20260110000003, '\\x9b19b1f5e1c333b610db49cb', true), (20260120000001, '\\x641a7d22e2e5dd7d16db8398', true),
    (20260125000001, '\\x4fc1225f33fee31e81cdaaf6', true), (20260306000001, '\\x5a908065c8ac817b0334291c', true);
  GRANT SELECT ON public._sqlx_migrations TO PUBLIC;`;
const TRANSITIONS = 'tasker.workflow_step_transitions';

describe('the start-up probe', () => {
  let fixture: Fixture;

  beforeEach(async () => {
    fixture = await createFixture();
  });

  afterEach(() => fixture.close());

  const differences = async (database: Database = fixture.database, allowNewer = false) =>
    (await probeDatabase(database, { namespace: fixture.namespace, allowNewer }))
      .map((difference) => `${difference.severity}, ${describeDifference(difference)}`)
      .filter((line) => !DURABILITY.test(line.replace('warning, ', '')));

  it('finds nothing in the standalone schema, as the least-privilege role', async () => {
    expect(await differences()).toEqual([]);
    await migrateBrokerSchema(fixture.database);
    expect(await probeStatements(fixture.database, fixture.namespace)).toEqual([]);
  });

  it('finds nothing with the migrations of Tasker 0.1.8, wherever they are recorded', async () => {
    await fixture.query(SQLX);
    expect(await differences()).toEqual([]);
    // What a second run of sqlx as another role leaves behind.
    await fixture.query(
      `CREATE TABLE tasker._sqlx_migrations AS SELECT * FROM public._sqlx_migrations LIMIT 2`,
    );
    await fixture.query(`DELETE FROM public._sqlx_migrations WHERE version <= 20250826180921`);
    await fixture.query(`GRANT SELECT ON tasker._sqlx_migrations TO PUBLIC`);
    expect(await differences()).toEqual([]);
  });

  it.each([
    [
      'a migration that is missing',
      `DELETE FROM public._sqlx_migrations WHERE version = 20260306000001`,
      'error, migration 20260306000001: expected to be applied, got no record of it; apply Tasker',
    ],
    [
      'a migration that failed',
      `INSERT INTO public._sqlx_migrations VALUES (20270101000000, '\\x00', false)`,
      'error, migration 20270101000000: expected to have succeeded, got a failed attempt; repair it',
    ],
    [
      'a migration that was changed',
      `UPDATE public._sqlx_migrations SET checksum = '\\xff' WHERE version = 20260110000003`,
      'error, migration 20260110000003: expected checksum 9b19b1f5e1c333b610db49cb…, got ff…; apply',
    ],
    [
      'a migration that this broker does not know',
      `INSERT INTO public._sqlx_migrations VALUES (20270101000000, '\\x00', true)`,
      'error, migration 20270101000000: expected one of the 8 migrations of Tasker 0.1.8, got one that this broker does not know; use a broker that supports it, or set allow_newer = true',
    ],
  ])('finds %s', async (_what, change, line) => {
    await fixture.query(SQLX);
    await fixture.query(change);
    expect(await differences()).toEqual([expect.stringContaining(line)]);
  });

  it('takes an unknown migration for a warning when newer schemas are allowed', async () => {
    await fixture.query(SQLX);
    await fixture.query(`INSERT INTO public._sqlx_migrations VALUES (20270101000000, '\\x00', true)`);
    expect(await differences(fixture.database, true)).toEqual([
      expect.stringContaining('warning, migration 20270101000000'),
    ]);
  });

  it('warns where nobody recorded which migrations were applied', async () => {
    await fixture.query(`DROP SCHEMA tasker_standalone CASCADE`);
    expect(await differences()).toEqual([
      expect.stringContaining('warning, table _sqlx_migrations'),
      expect.stringContaining('warning, trigger trg_step_result_audit: expected the body of Tasker 0.1.8'),
    ]);
  });

  it.each([
    [
      'a column that is gone',
      `ALTER TABLE tasker.tasks DROP COLUMN context`,
      'column tasker.tasks.context: expected jsonb, got none',
    ],
    [
      'a column of another type',
      `ALTER TABLE tasker.workflow_steps ALTER attempts TYPE bigint`,
      'column tasker.workflow_steps.attempts: expected integer, got bigint',
    ],
    [
      'a new column that every row needs',
      `ALTER TABLE ${TRANSITIONS} ADD shard integer NOT NULL`,
      'column tasker.workflow_step_transitions.shard: expected no such column, or one that may be left out, got a mandatory one',
    ],
    [
      'a table that is gone',
      `DROP TABLE tasker.tasks_dlq; ALTER TABLE tasker.workflow_step_edges RENAME TO e`,
      'table tasker.workflow_step_edges: expected a table, got none',
    ],
    [
      'a step state more',
      `ALTER TABLE ${TRANSITIONS} DROP CONSTRAINT chk_workflow_step_transitions_to_state;
       ALTER TABLE ${TRANSITIONS} ADD CONSTRAINT chk_workflow_step_transitions_to_state CHECK (to_state IN
         ('pending','enqueued','in_progress','enqueued_for_orchestration','enqueued_as_error_for_orchestration',
          'waiting_for_retry','complete','error','cancelled','resolved_manually','paused'))`,
      'constraint chk_workflow_step_transitions_to_state: expected the 10 states of a step, got with paused',
    ],
    [
      'a step state less',
      `ALTER TABLE ${TRANSITIONS} DROP CONSTRAINT chk_workflow_step_transitions_to_state;
       ALTER TABLE ${TRANSITIONS} ADD CONSTRAINT chk_workflow_step_transitions_to_state CHECK (to_state IN
         ('pending','enqueued','in_progress','enqueued_for_orchestration','waiting_for_retry','complete','error','cancelled',
          'resolved_manually'))`,
      'got without enqueued_as_error_for_orchestration',
    ],
    [
      'no constraint on states at all',
      `ALTER TABLE ${TRANSITIONS} DROP CONSTRAINT chk_workflow_step_transitions_to_state`,
      'constraint chk_workflow_step_transitions_to_state: expected the 10 states of a step, got none',
    ],
    [
      'an index that lets two workers hold a step',
      `DROP INDEX tasker.idx_workflow_step_transitions_uuid_most_recent;
       CREATE INDEX idx_workflow_step_transitions_uuid_most_recent
         ON ${TRANSITIONS} (workflow_step_uuid, most_recent) WHERE most_recent`,
      'got an index that is not unique',
    ],
    [
      'an index over all rows',
      `DROP INDEX tasker.idx_workflow_step_transitions_uuid_most_recent;
       CREATE UNIQUE INDEX idx_workflow_step_transitions_uuid_most_recent ON ${TRANSITIONS} (workflow_step_uuid, sort_key)`,
      'got an index over all rows',
    ],
    [
      'a trigger that is switched off',
      `ALTER TABLE ${TRANSITIONS} DISABLE TRIGGER trg_step_result_audit`,
      'trigger trg_step_result_audit: expected to be enabled, got disabled; enable it',
    ],
    [
      'a trigger that is gone',
      `DROP TRIGGER trg_step_result_audit ON ${TRANSITIONS}`,
      'trigger trg_step_result_audit: expected a trigger on workflow_step_transitions, got none',
    ],
    [
      'a function with other arguments',
      `DROP FUNCTION tasker.extract_queue_namespace(text) CASCADE;
       CREATE FUNCTION tasker.extract_queue_namespace(queue text) RETURNS text LANGUAGE sql AS 'SELECT queue'`,
      'function tasker.extract_queue_namespace: expected (queue_name text) → text, got (queue text) → text',
    ],
    [
      'a right that was taken away',
      `REVOKE UPDATE (results) ON tasker.workflow_steps FROM wasm_broker_least`,
      'right UPDATE on tasker.workflow_steps.results: expected to be granted, got not granted; run what `wasm-broker doctor --sql` prints',
    ],
    [
      'a schema of our own that is not ours',
      `ALTER SCHEMA wasm_broker OWNER TO tasker`,
      "schema wasm_broker: expected to exist and be the broker's own, got one of another owner",
    ],
    [
      'a PGMQ that is too old',
      `UPDATE pg_extension SET extversion = '1.4.5' WHERE extname = 'pgmq'`,
      'extension pgmq: expected version 1.5 to 1.11, got 1.4.5; install PGMQ 1.5 to 1.11',
    ],
  ])('finds %s', async (_what, change, line) => {
    await fixture.query(change);
    expect(await differences()).toEqual([expect.stringMatching(/^error, /)]);
    expect((await differences())[0]).toContain(line);
  });

  it('warns of a PGMQ that is newer than any it was tested with', async () => {
    await fixture.query(`UPDATE pg_extension SET extversion = '1.12.0' WHERE extname = 'pgmq'`);
    expect(await differences()).toEqual([
      'warning, extension pgmq: expected version 1.5 to 1.11, got 1.12.0; its functions are checked all the same; watch the first steps',
    ]);
  });

  it('finds sessions whose settings did not arrive', async () => {
    // Stands for a connection pooler: its sessions are not the ones that our options went to.
    const options = '-c timezone=Asia/Tokyo -c search_path=public';
    const pool = new pg.Pool({ connectionString: fixture.url, options });
    // Its session may still be ending when the database is dropped.
    pool.on('error', () => {});
    expect(await differences({ ...fixture.database, pool })).toEqual([
      expect.stringContaining(
        'error, session time zone: expected UTC, got Asia/Tokyo; connect without a pooler',
      ),
      expect.stringContaining(
        'error, session search path: expected tasker, public, got public (workflow_steps of no schema)',
      ),
    ]);
    await pool.end();
  });

  it('sends one step through as the owner, and leaves nothing of it', async () => {
    const owner = openDatabase(fixture.ownerUrl);
    await migrateBrokerSchema(fixture.database);
    expect(await probeStatements(owner, fixture.namespace)).toEqual([]);
    await fixture.query(
      `CREATE OR REPLACE FUNCTION tasker.create_step_result_audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    );
    expect((await probeStatements(owner, fixture.namespace)).map(describeDifference)).toEqual([
      expect.stringContaining('self-test, audited: expected 1, got 0'),
    ]);
    expect(await fixture.query(`SELECT FROM tasker.tasks`)).toEqual([]);
    expect(await fixture.messages('orchestration_step_results')).toEqual([]);
    await owner.close();
  });

  it('knows every statement that the broker has', async () => {
    const folder = new URL('../../src/tasker/sql/', import.meta.url);
    const modules = await Promise.all(
      readdirSync(folder).map((file): Promise<object> => import(new URL(file, folder).href)),
    );
    const written = modules.flatMap((module) => Object.keys(module));
    expect([...brokerStatements('wasm').keys()].sort()).toEqual(written.sort());
  });

  it('finds a statement that could not run', async () => {
    await migrateBrokerSchema(fixture.database);
    await fixture.query(`ALTER TABLE wasm_broker.instances RENAME COLUMN stopped_at TO ended_at`);
    const found = (await probeStatements(fixture.database, fixture.namespace)).map(({ subject }) => subject);
    expect(found).toContain('statement STOP_INSTANCE');
    expect(found).not.toContain('statement CLAIM_STEPS');
  });
});

describe('a broker before a database that differs', () => {
  let fixture: Fixture;

  beforeEach(async () => {
    fixture = await createFixture();
  });

  afterEach(() => fixture.close());

  it('does not start, says everything that differs, and changes nothing', async () => {
    await fixture.query(`ALTER TABLE tasker.tasks DROP COLUMN reason, DROP COLUMN context`);
    await fixture.query(`DROP TRIGGER trg_step_result_audit ON ${TRANSITIONS}`);
    const start = createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    await expect(start).rejects.toMatchObject({
      code: 'ERR_DATABASE_INCOMPATIBLE',
      message: expect.stringMatching(
        /differs from what this broker was written for:\n- column tasker\.tasks\.context: .*\n- trigger trg_step_result_audit: /,
      ),
    });
    expect(await fixture.query(`SELECT FROM pg_class WHERE relname = 'instances'`)).toEqual([]);
  });

  it('starts where it may on a newer schema, and says so', async () => {
    await fixture.query(SQLX);
    await fixture.query(`INSERT INTO public._sqlx_migrations VALUES (20270101000000, '\\x00', true)`);
    const said: string[] = [];
    const queue = await createTaskerQueue({
      databaseUrl: fixture.url,
      namespace: fixture.namespace,
      allowNewer: true,
      onDifference: (line) => said.push(line),
    });
    expect(said.filter((line) => !DURABILITY.test(line))).toEqual([
      expect.stringContaining('migration 20270101000000'),
    ]);
    await queue.close();
  });

  it('does not start without a queue that it may not create', async () => {
    const start = createTaskerQueue({ databaseUrl: fixture.url, namespace: 'other' });
    await expect(start).rejects.toMatchObject({
      code: 'ERR_DATABASE_INCOMPATIBLE',
      message: expect.stringContaining(
        'queue worker_other_queue: expected to exist, got none, and no right to create it',
      ),
    });
  });
});
