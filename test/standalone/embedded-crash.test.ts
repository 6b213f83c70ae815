import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { processesWorkingIn } from '../../src/standalone/embedded/process-identity.ts';
import { startEmbeddedPostgres } from '../../src/standalone/embedded-postgres.ts';
import { homeOf, StateDirs } from './support/state-dirs.ts';

const HOLD = fileURLToPath(new URL('./support/hold-database.ts', import.meta.url));
const PATIENCE = { timeout: 10_000, interval: 20 };

const dirs = new StateDirs();
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await dirs.removeUsed();
});
afterAll(() => dirs.removeAll());

interface Holder {
  readonly child: ChildProcess;
  readonly url: string;
  readonly nextLine: () => Promise<string>;
}

/** Starts a process that holds the database, in a process group of its own as a shell would. */
async function hold(stateDir: string): Promise<Holder> {
  const child = spawn(process.execPath, [HOLD, stateDir], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  return { child, url: await nextLine(), nextLine };
}

async function dataDirOf(stateDir: string): Promise<string> {
  return join((await homeOf(stateDir)) ?? stateDir, 'pgdata');
}

async function run(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const supervisorOf = (stateDir: string): number =>
  (JSON.parse(readFileSync(join(stateDir, 'lock'), 'utf8')) as { supervisor: { pid: number } }).supervisor
    .pid;

describe('when the program that started it is killed', () => {
  it('the server ends, and a start right afterwards waits for that and finds every commit', async () => {
    const stateDir = await dirs.createUsed();
    const { child, url } = await hold(stateDir);
    await run(url, 'CREATE TABLE kept AS SELECT 7 AS n');
    const before = processesWorkingIn(await dataDirOf(stateDir));
    expect(before.length).toBeGreaterThan(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const next = await startEmbeddedPostgres({ stateDir, durable: true });
    expect(processesWorkingIn(await dataDirOf(stateDir)).filter((pid) => before.includes(pid))).toEqual([]);
    expect(await run(next.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    await next.stop();
  });

  it('no process is left behind when nobody starts it again', async () => {
    const stateDir = await dirs.createUsed();
    const { child } = await hold(stateDir);
    const dataDir = await dataDirOf(stateDir);
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(processesWorkingIn(dataDir)).toEqual([]), PATIENCE);
  });

  it('together with its supervisor, a start right afterwards still works', async () => {
    const stateDir = await dirs.createUsed();
    const { child, url } = await hold(stateDir);
    await run(url, 'CREATE TABLE kept AS SELECT 7 AS n');
    const supervisor = supervisorOf(stateDir);
    const killed = once(child, 'exit');
    process.kill(supervisor, 'SIGKILL');
    child.kill('SIGKILL');
    await killed;
    const next = await startEmbeddedPostgres({ stateDir, durable: true });
    expect(await run(next.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    await next.stop();
  });
});

describe('when Ctrl-C is pressed in the terminal', () => {
  it('the database still answers until its program has stopped it', async () => {
    const stateDir = await dirs.createUsed();
    const { child, nextLine } = await hold(stateDir);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await nextLine()).toBe('answered');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(processesWorkingIn(await dataDirOf(stateDir))).toEqual([]);
  });
});

describe('when the server itself dies', () => {
  it.each(['the server', 'its supervisor'])(
    'because %s is killed, that is said, and the next start recovers',
    async (victim) => {
      const stateDir = await dirs.createUsed();
      const notices: string[] = [];
      const onNotice = (notice: string): void => {
        notices.push(notice);
      };
      const first = await startEmbeddedPostgres({ stateDir, durable: true, onNotice });
      await run(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
      const dataDir = await dataDirOf(stateDir);
      const postmaster = Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(victim === 'the server' ? postmaster : supervisorOf(stateDir), 'SIGKILL');
      await vi.waitFor(
        () => expect(notices).toEqual([expect.stringContaining('stopped unexpectedly')]),
        PATIENCE,
      );
      await first.stop();
      const second = await startEmbeddedPostgres({ stateDir, durable: true });
      expect(await run(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
      await second.stop();
    },
  );
});
