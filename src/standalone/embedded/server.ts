import { existsSync, lchownSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BrokerError } from '../../errors.ts';
import type { Binaries } from './binaries.ts';
import { COMMAND_PATH, type Launch } from './launch.ts';
import { processesWorkingIn } from './process-identity.ts';
import { serverSettings } from './server-settings.ts';
import { ensureOwner, type StateFolder } from './state-folder.ts';
import { type Supervised, supervise } from './supervise.ts';
import type { SupervisedCommand } from './supervisor.ts';

const READY_POLL_MS = 10;
/** Crash recovery of a big write-ahead log takes its time. */
const READY_WAIT_MS = 60_000;
const ORPHAN_STOP_MS = 15_000;
const ORPHAN_KILL_MS = 5_000;
const START_ATTEMPTS = 3;
const LOG_TAIL_CHARS = 800;

/** Everything that starting a server needs. */
export interface ServerContext {
  readonly folder: StateFolder;
  readonly launch: Launch;
  readonly binaries: Binaries;
  readonly durable: boolean;
  readonly extensionControlPath: string;
  readonly onNotice: (notice: string) => void;
  readonly onSupervisor: (pid: number) => void;
}

export interface RunningServer {
  readonly port: number;
  readonly process: Supervised;
}

/**
 * Makes the data directory unless there is one. It appears under its name only when it is complete, so a start that
 * was killed half-way leaves nothing behind that a later one could mistake for a database.
 */
export async function initialiseOnce(context: ServerContext, password: string): Promise<boolean> {
  const { folder, launch, binaries } = context;
  if (existsSync(folder.dataDir)) return false;
  const draft = `${folder.dataDir}.partial`;
  const passwordFile = `${folder.dataDir}.password`;
  rmSync(draft, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
  for (const path of [draft, passwordFile]) lchownSync(path, launch.owner.uid, launch.owner.gid);
  try {
    const args = ['-D', draft, '-U', 'tasker', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    const sync = context.durable ? [] : ['--no-sync'];
    const rest = ['--encoding=UTF8', '--locale=C', '--no-instructions', ...sync];
    const command = commandFor(context, [binaries.initdb, ...args, ...rest]);
    const code = await supervise(command, folder.logFile, context.onSupervisor).exited;
    if (code !== 0) throw failed('initdb', code, folder.logFile);
    renameSync(draft, folder.dataDir);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  return true;
}

/** Starts the server on a free port of 127.0.0.1 and waits until it accepts connections. */
export async function startServer(context: ServerContext): Promise<RunningServer> {
  ensureOwner(context.folder.dataDir, context.launch.owner);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const settings = serverSettings({ ...context, port });
    const command = commandFor(context, [
      context.binaries.postgres,
      '-D',
      context.folder.dataDir,
      ...settings,
    ]);
    const process = supervise(command, context.folder.logFile, context.onSupervisor);
    const code = await Promise.race([process.exited, ready(context.folder.dataDir, port)]);
    if (code === 'ready') return { port, process };
    await process.stop();
    if (code === 'timeout') throw failed('postgres', 'no answer', context.folder.logFile);
    // Another program may have taken the port between our look and the server's bind.
    const portTaken = logTail(context.folder.logFile).includes('could not bind');
    if (!portTaken || attempt === START_ATTEMPTS) throw failed('postgres', code, context.folder.logFile);
  }
}

/**
 * Waits until no process of an earlier server works in the data directory. One that lost its supervisor is asked to
 * shut down, then killed.
 */
export async function clearPreviousServer(
  dataDir: string,
  onNotice: (notice: string) => void,
): Promise<void> {
  const pidFile = `${dataDir}/postmaster.pid`;
  if (processesWorkingIn(dataDir).length > 0) {
    onNotice('stopping a database server that its program left behind');
    const postmaster = readPostmaster(dataDir)?.pid;
    if (postmaster !== undefined && processesWorkingIn(dataDir).includes(postmaster)) {
      signal(postmaster, 'SIGINT');
    }
    if (!(await emptied(dataDir, ORPHAN_STOP_MS))) {
      for (const pid of processesWorkingIn(dataDir)) signal(pid, 'SIGKILL');
      if (!(await emptied(dataDir, ORPHAN_KILL_MS))) {
        throw new BrokerError('ERR_DATABASE_UNAVAILABLE', `processes in ${dataDir} cannot be stopped`, {
          details: { pids: processesWorkingIn(dataDir).map(String) },
        });
      }
    }
  }
  // PostgreSQL refuses to start while the pid in an old file belongs to any living process. Nobody works here.
  rmSync(pidFile, { force: true });
}

async function emptied(dataDir: string, waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  while (processesWorkingIn(dataDir).length > 0) {
    if (performance.now() > deadline) return false;
    await delay(READY_POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function commandFor(context: ServerContext, argv: readonly string[]): SupervisedCommand {
  const [command = '', ...args] = [...context.launch.prefix, ...argv];
  return {
    command,
    args,
    cwd: '/',
    env: { PATH: COMMAND_PATH, LC_ALL: 'C', LD_LIBRARY_PATH: context.binaries.libraryPath },
    ...context.launch.account,
    // Fast shutdown, then immediate shutdown, then the kernel's. A throw-away database skips the first.
    stopSignals: context.durable
      ? [
          { signal: 'SIGINT', afterMs: 0 },
          { signal: 'SIGQUIT', afterMs: 10_000 },
          { signal: 'SIGKILL', afterMs: 15_000 },
        ]
      : [
          { signal: 'SIGQUIT', afterMs: 0 },
          { signal: 'SIGKILL', afterMs: 5_000 },
        ],
  };
}

/** Reads what pg_ctl reads: line 8 of `postmaster.pid` says `ready`, line 4 is the port. */
async function ready(dataDir: string, port: number): Promise<'ready' | 'timeout'> {
  const deadline = performance.now() + READY_WAIT_MS;
  while (performance.now() < deadline) {
    const postmaster = readPostmaster(dataDir);
    if (postmaster?.ready && postmaster.port === port) return 'ready';
    await delay(READY_POLL_MS);
  }
  return 'timeout';
}

function readPostmaster(dataDir: string): { pid: number; port: number; ready: boolean } | null {
  let lines: string[];
  try {
    lines = readFileSync(`${dataDir}/postmaster.pid`, 'utf8').split('\n');
  } catch {
    return null;
  }
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}

function failed(program: string, code: number | string, logFile: string): BrokerError {
  return new BrokerError(
    'ERR_DATABASE_UNAVAILABLE',
    `${program} did not start (${code}); the end of ${logFile}: ${logTail(logFile)}`,
  );
}

function logTail(logFile: string): string {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').trim().slice(-LOG_TAIL_CHARS) : '';
}
