import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { identify } from '../../src/standalone/embedded/process-identity.ts';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/standalone/embedded-postgres.ts';
import { homeOf, StateDirs } from './support/state-dirs.ts';

const dirs = new StateDirs();
const running: EmbeddedPostgres[] = [];
afterEach(async () => {
  for (const database of running.splice(0)) await database.stop();
  await dirs.removeAll();
});

async function start(
  stateDir: string,
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const database = await startEmbeddedPostgres({ stateDir, durable: true, ...options });
  running.push(database);
  return database;
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  it('keeps its data from one run to the next', async () => {
    const stateDir = await dirs.create();
    const first = await start(stateDir);
    expect(first.firstRun).toBe(true);
    await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    await first.stop();
    const second = await start(stateDir);
    expect(second.firstRun).toBe(false);
    expect(await ask(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('is PostgreSQL 18 with pgmq, a role and a database named tasker, and durable commits', async () => {
    const { url } = await start(await dirs.create());
    await ask(url, 'CREATE EXTENSION pgmq');
    const settings = ['fsync', 'synchronous_commit', 'full_page_writes', 'TimeZone', 'log_statement'];
    const rows = await ask(
      url,
      `SELECT current_user AS role, current_database() AS database,
              current_setting('server_version_num')::integer / 10000 AS major,
              ${settings.map((name) => `current_setting('${name}') AS "${name}"`).join(', ')}`,
    );
    expect(rows).toEqual([
      {
        role: 'tasker',
        database: 'tasker',
        major: 18,
        fsync: 'on',
        synchronous_commit: 'on',
        full_page_writes: 'on',
        TimeZone: 'UTC',
        log_statement: 'none',
      },
    ]);
  });

  it('gives up durability only when asked to', async () => {
    const { url } = await start(await dirs.create(), { durable: false });
    expect(await ask(url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
  });

  it('listens on the loopback address only, and on no unix socket', async () => {
    const { url } = await start(await dirs.create());
    const port = Number(new URL(url).port);
    const listening = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(
          ([, local, , state]) => state === '0A' && Number.parseInt(local?.split(':')[1] ?? '', 16) === port,
        )
        .map(([, local]) => local?.split(':')[0]),
    );
    expect(listening).toEqual(['0100007F']);
    expect(readFileSync('/proc/net/unix', 'utf8')).not.toContain(`.s.PGSQL.${port}`);
  });

  it('asks for the password, which only the owner of the state folder can read', async () => {
    const stateDir = await dirs.create();
    const { url } = await start(stateDir);
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(ask(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(join(stateDir, 'password'))).mode & 0o777).toBe(0o600);
    expect(readFileSync('/proc/self/cmdline', 'utf8')).not.toContain(new URL(url).password);
  });

  it('logs neither statements nor their values when they fail', async () => {
    const stateDir = await dirs.create();
    const { url } = await start(stateDir);
    await ask(url, 'CREATE TABLE t (name text PRIMARY KEY)');
    await ask(url, `INSERT INTO t VALUES ('private')`);
    await expect(ask(url, `INSERT INTO t VALUES ('private')`)).rejects.toMatchObject({ code: '23505' });
    const log = await readFile(join(stateDir, 'postgres.log'), 'utf8');
    expect(log).toContain('duplicate key');
    expect(log).not.toContain('private');
  });

  it('works when an earlier first start was killed half-way', async () => {
    const stateDir = await dirs.create();
    await (await start(stateDir)).stop();
    await rm(join(stateDir, 'pgdata'), { recursive: true });
    await mkdir(join(stateDir, 'pgdata.partial'));
    await writeFile(join(stateDir, 'pgdata.partial', 'PG_VERSION'), '18\n');
    const { url, firstRun } = await start(stateDir);
    expect(firstRun).toBe(true);
    expect(await ask(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });
});

describe('the lock of a state folder', () => {
  it('refuses a second start and names the process that holds it', async () => {
    const stateDir = await dirs.create();
    await start(stateDir);
    await expect(start(stateDir)).rejects.toMatchObject({
      code: 'ERR_ALREADY_RUNNING',
      details: { pid: process.pid },
      message: expect.stringContaining(`process ${process.pid} already runs`),
    });
  });

  it.each([
    ['of a process that ended', { pid: 2 ** 22 + 1 }],
    ['of a process whose pid belongs to another one now', { startTicks: '1' }],
    ['from before the machine was restarted', { bootId: 'another' }],
  ])('is taken over when it is %s', async (_case, change) => {
    const stateDir = await dirs.create();
    await mkdir(stateDir);
    const owner = { ...identify(process.pid), ...change };
    await writeFile(join(stateDir, 'lock'), JSON.stringify({ owner, supervisor: null }));
    const { url } = await start(stateDir);
    expect(await ask(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('is free again after stop, and after a start that failed', async () => {
    const stateDir = await dirs.create();
    await mkdir(join(stateDir, 'pgdata'), { recursive: true });
    await expect(start(stateDir)).rejects.toMatchObject({ code: 'ERR_DATABASE_FOREIGN' });
    await rm(join(stateDir, 'pgdata'), { recursive: true });
    await (await start(stateDir)).stop();
    await (await start(stateDir)).stop();
  });
});

describe('a database that this program did not make', () => {
  it.each([
    ['a data directory without a marker', null, /no embedded-postgres.json/],
    ['a marker of something else', { hello: 1 }, /not a marker/],
    [
      'a marker of a newer format',
      { created_by: 'tasker-wasm-broker', format: 2, home: null },
      /newer version/,
    ],
  ])('is left alone: %s', async (_case, marker, message) => {
    const stateDir = await dirs.create();
    const file = join(stateDir, 'pgdata', 'PG_VERSION');
    await mkdir(join(stateDir, 'pgdata'), { recursive: true });
    await writeFile(file, '18\n');
    if (marker !== null) await writeFile(join(stateDir, 'embedded-postgres.json'), JSON.stringify(marker));
    await expect(start(stateDir)).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
      message: expect.stringMatching(message),
    });
    expect(await readFile(file, 'utf8')).toBe('18\n');
  });

  it('is one of another PostgreSQL version, too', async () => {
    const stateDir = await dirs.create();
    await (await start(stateDir)).stop();
    await writeFile(join(stateDir, 'pgdata', 'PG_VERSION'), '17\n');
    await expect(start(stateDir)).rejects.toMatchObject({
      code: 'ERR_DATABASE_FOREIGN',
      message: expect.stringContaining('PostgreSQL 17'),
    });
  });
});

describe('a state folder that cannot be used', () => {
  it('because of its name is refused before anything is made', async () => {
    await expect(start('/nonexistent/a:b')).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
  });

  it('because it is a file is refused', async () => {
    const stateDir = await dirs.create();
    await writeFile(stateDir, '');
    await expect(start(stateDir)).rejects.toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' });
  });
});

describe.runIf(process.getuid?.() === 0)('as root', () => {
  it.each(['namespace', 'account'] as const)('runs by %s and keeps its data', async (rootMode) => {
    const stateDir = await dirs.create();
    const first = await start(stateDir, { rootMode });
    await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    await first.stop();
    const owner = (await stat(join((await homeOf(stateDir)) ?? stateDir, 'pgdata'))).uid;
    if (rootMode === 'namespace') expect(owner).toBe(0);
    else expect(owner).not.toBe(0);
    const second = await start(stateDir, { rootMode });
    expect(await ask(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it.each(['namespace', 'account'] as const)(
    'runs by %s in a folder that only root may enter',
    async (rootMode) => {
      const stateDir = await dirs.create(0o700);
      const { url } = await start(stateDir, { rootMode });
      expect(await ask(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
      const home = await homeOf(stateDir);
      if (rootMode === 'namespace') expect(home).toBeNull();
      else expect((await stat(home ?? '')).mode & 0o777).toBe(0o755);
    },
  );

  it('can change from a namespace to an account and back', async () => {
    const stateDir = await dirs.create();
    await mkdir(stateDir, { mode: 0o711 });
    for (const rootMode of ['namespace', 'account', 'namespace'] as const) {
      const database = await start(stateDir, { rootMode });
      await ask(database.url, 'CREATE TABLE IF NOT EXISTS kept (n int)');
      await database.stop();
    }
  });
});
