import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { identify, processesWorkingIn } from '../../src/standalone/embedded/process-identity.ts';
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
  await dirs.removeUsed();
});
afterAll(() => dirs.removeAll());

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

  it('gives up durability only when asked to', async () => {
    const { url } = await start(await dirs.createUsed(), { durable: false });
    expect(await ask(url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
  });

  it('works when an earlier first start was killed half-way', async () => {
    const stateDir = await dirs.createUsed();
    await rm(join(stateDir, 'pgdata'), { recursive: true });
    await mkdir(join(stateDir, 'pgdata.partial'));
    await writeFile(join(stateDir, 'pgdata.partial', 'PG_VERSION'), '18\n');
    const { url, firstRun } = await start(stateDir);
    expect(firstRun).toBe(true);
    expect(await ask(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });
});

describe('a running embedded PostgreSQL', () => {
  let stateDir: string;
  let dataDir: string;
  let database: EmbeddedPostgres;
  const own = new StateDirs();
  beforeAll(async () => {
    stateDir = await own.create();
    database = await startEmbeddedPostgres({ stateDir, durable: true });
    dataDir = join((await homeOf(stateDir)) ?? stateDir, 'pgdata');
  });
  afterAll(async () => {
    await database.stop();
    await own.removeAll();
  });

  it('is version 18 with pgmq, a role and a database named tasker, and durable commits', async () => {
    await ask(database.url, 'CREATE EXTENSION pgmq');
    const settings = ['fsync', 'synchronous_commit', 'full_page_writes', 'TimeZone', 'log_statement'];
    const rows = await ask(
      database.url,
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

  it('listens on the loopback address only, and on no unix socket', () => {
    const port = Number(new URL(database.url).port);
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
    const wrong = new URL(database.url);
    wrong.password = 'guess';
    await expect(ask(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(join(stateDir, 'password'))).mode & 0o777).toBe(0o600);
    const commandLines = processesWorkingIn(dataDir).map((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
    );
    expect(commandLines.join()).toContain('listen_addresses');
    expect(commandLines.join()).not.toContain(new URL(database.url).password);
  });

  it('knows nothing of the environment of the program that started it', () => {
    const [postmaster] = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    const names = readFileSync(`/proc/${postmaster}/environ`, 'utf8')
      .split('\0')
      .map((entry) => entry.split('=')[0])
      .filter((name) => name !== '');
    expect(names.sort()).toEqual(['LC_ALL', 'LD_LIBRARY_PATH', 'PATH']);
  });

  it('logs neither statements nor their values when they fail', async () => {
    await ask(database.url, 'CREATE TABLE t (name text PRIMARY KEY)');
    await ask(database.url, `INSERT INTO t VALUES ('private')`);
    const again = ask(database.url, `INSERT INTO t VALUES ('private')`);
    await expect(again).rejects.toMatchObject({ code: '23505' });
    const log = await readFile(join(stateDir, 'postgres.log'), 'utf8');
    expect(log).toContain('duplicate key');
    expect(log).not.toContain('private');
  });

  it('refuses a second start and names the process that holds it', async () => {
    await expect(start(stateDir)).rejects.toMatchObject({
      code: 'ERR_ALREADY_RUNNING',
      details: { pid: process.pid },
      message: expect.stringContaining(`process ${process.pid} already runs`),
    });
  });
});

describe('the lock of a state folder', () => {
  it.each([
    ['of a process that ended', { pid: 2 ** 22 + 1 }],
    ['of a process whose pid belongs to another one now', { startTicks: '1' }],
    ['from before the machine was restarted', { bootId: 'another' }],
  ])('is taken over when it is %s', async (_case, change) => {
    const stateDir = await dirs.createUsed();
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
    const stateDir = await dirs.createUsed();
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

describe.runIf(process.getuid?.() === 0)('as root (runs only as root)', () => {
  const modes = ['namespace', 'account'] as const;

  it.each(modes)('runs by %s in a folder that only root may enter', async (rootMode) => {
    const stateDir = await dirs.create(0o700);
    const { url } = await start(stateDir, { rootMode });
    expect(await ask(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    const home = await homeOf(stateDir);
    if (rootMode === 'namespace') expect(home).toBeNull();
    else expect((await stat(home ?? '')).mode & 0o777).toBe(0o755);
  });

  it('keeps its data when it changes from a namespace to an account and back', async () => {
    const stateDir = await dirs.create();
    await mkdir(stateDir, { mode: 0o711 });
    const owners: number[] = [];
    for (const rootMode of ['namespace', 'account', 'namespace', 'account'] as const) {
      const { url, stop } = await start(stateDir, { rootMode });
      await ask(url, 'CREATE TABLE IF NOT EXISTS kept (n int)');
      await ask(url, 'INSERT INTO kept VALUES (1)');
      owners.push((await stat(join(stateDir, 'pgdata'))).uid);
      const rows = await ask(url, 'SELECT count(*)::integer AS n FROM kept');
      expect(rows).toEqual([{ n: owners.length }]);
      await stop();
    }
    expect(owners.map((uid) => uid === 0)).toEqual([true, false, true, false]);
  });
});
