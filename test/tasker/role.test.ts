import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleSql } from '../../src/tasker/role/role-sql.ts';
import { createTaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture } from './fixture.ts';

const DENIED = '42501';

/** Every test of this folder runs its brokers as this role; here stands what they may not. */
describe('the least-privilege role', () => {
  let fixture: Fixture;
  let broker: pg.Client;

  beforeAll(async () => {
    fixture = await createFixture();
    broker = new pg.Client({ connectionString: fixture.url });
    await broker.connect();
  });

  afterAll(async () => {
    await broker.end();
    await fixture.close();
  });

  it('gets its session settings from the database, also behind a pooler that drops start-up options', async () => {
    const { rows } = await broker.query(
      `SELECT current_setting('TimeZone') AS zone, to_regclass('workflow_steps')::text AS steps`,
    );
    expect(rows).toEqual([{ zone: 'UTC', steps: 'workflow_steps' }]);
  });

  it.each([
    ['create a task', `INSERT INTO tasker.tasks (identity_hash) VALUES ('x')`],
    ['change a task', `UPDATE tasker.tasks SET complete = true`],
    ['read what it has no use for', `SELECT reason FROM tasker.tasks`],
    ['delete a step', `DELETE FROM tasker.workflow_steps`],
    ['finish a step in the name of the orchestrator', `UPDATE tasker.workflow_steps SET processed = true`],
    ['give a step more attempts', `UPDATE tasker.workflow_steps SET max_attempts = 99`],
    ['rewrite history', `UPDATE tasker.workflow_step_transitions SET to_state = 'complete'`],
    ['change the audit', `UPDATE tasker.workflow_step_result_audit SET success = true`],
    ['move a task', `INSERT INTO tasker.task_transitions (to_state) VALUES ('complete')`],
    ['read the results of others', `DELETE FROM pgmq.q_orchestration_step_results`],
    ['dispatch steps', `SELECT pgmq.send('worker_wasm_test_queue', '{}')`],
    ['read a queue that is not its own', `SELECT * FROM pgmq.q_orchestration_task_requests`],
    ['create a queue', `SELECT pgmq.create('mine')`],
    ['create a schema', `CREATE SCHEMA mine`],
    ['create a table outside its schema', `CREATE TABLE tasker.mine ()`],
    [
      'replace a function',
      `CREATE OR REPLACE FUNCTION tasker.uuid_generate_v7() RETURNS uuid LANGUAGE sql AS ''`,
    ],
    ['create a role', `CREATE ROLE mine`],
  ])('may not %s', async (_what, sql) => {
    await expect(broker.query(sql)).rejects.toMatchObject({ code: DENIED });
  });

  it('may do in its own schema what it likes', async () => {
    await broker.query(`CREATE TABLE wasm_broker.mine (); DROP TABLE wasm_broker.mine`);
  });

  it('is made by SQL that may be repeated, also over a schema that an owner made', async () => {
    const made = await createFixture();
    await made.query(`DROP SCHEMA wasm_broker`);
    const asOwner = await createTaskerQueue({ databaseUrl: made.ownerUrl, namespace: made.namespace });
    await asOwner.close();
    const sql = roleSql({ role: 'wasm_broker_least', namespace: made.namespace });
    await made.query(sql);
    await made.query(sql);
    const asBroker = await createTaskerQueue({ databaseUrl: made.url, namespace: made.namespace });
    await asBroker.close();
    await made.close();
  });
});
