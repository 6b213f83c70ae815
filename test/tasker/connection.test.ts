import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/tasker/connection.ts';
import { createTaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture } from './fixture.ts';
import { createFlakyProxy } from './flaky-proxy.ts';

describe('database sessions', () => {
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await createFixture();
    const name = new URL(fixture.url).pathname.slice(1);
    // What an operator's database may bring along.
    await fixture.query(`ALTER DATABASE ${name} SET timezone = 'America/Caracas'`);
    await fixture.query(`ALTER DATABASE ${name} SET search_path = public`);
  });

  afterAll(() => fixture.close());

  it('are in UTC with the schema of Tasker first, in the pool, outside it and after a reconnect', async () => {
    const database = openDatabase(fixture.url);
    const settings = `SELECT current_setting('TimeZone') AS zone, current_schema() AS schema, pg_backend_pid() AS pid`;
    const expected = { zone: 'UTC', schema: 'tasker' };
    const session = await database.connect();
    expect((await session.query(settings)).rows).toMatchObject([expected]);
    await session.end();
    const { pid } = (await database.pool.query(settings)).rows[0];
    await fixture.query(`SELECT pg_terminate_backend($1)`, [pid]);
    await expect
      .poll(async () => (await database.pool.query(settings).catch(() => ({ rows: [{ pid }] }))).rows[0])
      .toMatchObject(expected);
    expect((await database.pool.query(settings)).rows[0].pid).not.toBe(pid);
    await database.close();
  });

  it('keep these settings when the URL has options of its own', async () => {
    const url = new URL(fixture.url);
    url.searchParams.set('options', '-c timezone=Asia/Tokyo -c statement_timeout=12345');
    const database = openDatabase(url.href);
    const { rows } = await database.pool.query(
      `SELECT current_setting('TimeZone') AS zone, current_setting('statement_timeout') AS timeout`,
    );
    expect(rows).toEqual([{ zone: 'UTC', timeout: '12345ms' }]);
    await database.close();
  });

  it('read a timestamp without zone as UTC', async () => {
    const { rows } = await fixture.database.pool.query(
      `SELECT timestamp '2026-01-02 03:04:05.678' AS at, ARRAY[1,2] AS numbers`,
    );
    expect(rows).toEqual([{ at: new Date('2026-01-02T03:04:05.678Z'), numbers: [1, 2] }]);
  });

  it('survive that the server ends one in the middle of a transaction', async () => {
    const broken = fixture.database.transaction(async (client) => {
      const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0];
      await fixture.query(`SELECT pg_terminate_backend($1)`, [pid]);
      await client.query('SELECT 1');
    });
    await expect(broken).rejects.toThrow();
    expect(await fixture.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a database that cannot be used', () => {
  const start = (databaseUrl: string) => createTaskerQueue({ databaseUrl, namespace: 'wasm_test' });

  it('is reported with its address and without the password when nobody listens there', async () => {
    const error = await start('postgres://tasker:hunter2@127.0.0.1:1/production').catch((caught) => caught);
    expect(error).toMatchObject({
      code: 'ERR_DATABASE_UNAVAILABLE',
      message:
        'expected PostgreSQL at 127.0.0.1:1/production: no connection could be kept (ECONNREFUSED); start it, or correct host and port in the database URL',
    });
    expect(JSON.stringify({ ...error })).not.toContain('hunter2');
  });

  it('is reported when it refuses the login or does not exist', async () => {
    const fixture = await createFixture();
    const url = new URL(fixture.url);
    url.pathname = '/no_such_database';
    await expect(start(url.href)).rejects.toMatchObject({
      code: 'ERR_DATABASE_UNAVAILABLE',
      message: expect.stringContaining('"no_such_database" does not exist'),
    });
    await fixture.close();
  });

  it('is refused when it is no URL of PostgreSQL', async () => {
    for (const url of ['', 'localhost/tasker', 'mysql://localhost/tasker']) {
      await expect(start(url)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    }
  });

  it('is refused when Tasker is not installed in it', async () => {
    const fixture = await createFixture();
    const url = new URL(fixture.url);
    url.pathname = '/postgres';
    await expect(start(url.href)).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
      message: expect.stringMatching(/lacks schema tasker and extension pgmq; run Tasker's migrations/),
    });
    await fixture.close();
  });

  it('is refused for a namespace that cannot have a queue', async () => {
    const tries = ['a-b', '1a', '', 'x'.repeat(30), "a'b"];
    for (const namespace of tries) {
      await expect(
        createTaskerQueue({ databaseUrl: 'postgres://127.0.0.1:1/x', namespace }),
      ).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    }
  });

  it('is reported as away when it goes while the statements are planned at the start', async () => {
    const fixture = await createFixture();
    const proxy = await createFlakyProxy(fixture.url);
    proxy.loseAnswerTo('EXPLAIN');
    await expect(createTaskerQueue({ databaseUrl: proxy.url, namespace: 'wasm_test' })).rejects.toMatchObject(
      {
        code: 'ERR_DATABASE_UNAVAILABLE',
      },
    );
    await proxy.close();
    await fixture.close();
  });
});
