import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { BrokerError } from '../../errors.ts';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';

/** How long a start waits for the server of a parent that was killed. */
const DYING_SERVER_WAIT_MS = 30_000;
const POLL_MS = 25;

const Identity = z.object({ pid: z.int().positive(), startTicks: z.string(), bootId: z.string() });
const LockRecord = z.object({ owner: Identity, supervisor: Identity.nullable() });
type LockRecord = Readonly<z.infer<typeof LockRecord>>;

/** The right to run a server on one state folder. Held by this process until `release` or its death. */
export interface InstanceLock {
  /** Names the supervisor, so that a later start waits for it when this process was killed. */
  setSupervisor(pid: number): void;
  release(): void;
}

/**
 * Takes the lock of a state folder. A lock whose process is gone (or whose pid belongs to another process by now) is
 * taken over, after its supervisor has ended.
 *
 * @throws BrokerError ERR_ALREADY_RUNNING when a living process holds it
 */
export async function acquireInstanceLock(
  stateDir: string,
  onNotice: (notice: string) => void,
): Promise<InstanceLock> {
  const path = join(stateDir, 'lock');
  const owner = ownIdentity();
  const deadline = performance.now() + DYING_SERVER_WAIT_MS;
  let waiting = false;
  while (!create(path, { owner, supervisor: null })) {
    const text = read(path);
    if (text === null) continue;
    const holder = parse(text);
    if (holder !== null && isRunning(holder.owner)) throw alreadyRunning(stateDir, holder.owner.pid);
    if (holder?.supervisor && isRunning(holder.supervisor)) {
      if (performance.now() > deadline) throw alreadyRunning(stateDir, holder.supervisor.pid);
      if (!waiting) onNotice('waiting for the database server of a killed process to shut down');
      waiting = true;
      await delay(POLL_MS);
      continue;
    }
    removeStale(path, text);
  }
  return {
    setSupervisor(pid) {
      replace(path, { owner, supervisor: identify(pid) });
    },
    release() {
      const text = read(path);
      if (text !== null && sameProcess(parse(text)?.owner, owner)) rmSync(path, { force: true });
    },
  };
}

/** Creates the lock with its content in one step (link); false when there is one already. */
function create(path: string, record: LockRecord): boolean {
  const draft = writeDraft(path, record);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replace(path: string, record: LockRecord): void {
  renameSync(writeDraft(path, record), path);
}

function writeDraft(path: string, record: LockRecord): string {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
  return draft;
}

/** Moves a stale lock away; puts it back when it turns out to be one that another start took meanwhile. */
function removeStale(path: string, judged: string): void {
  const moved = `${path}.stale-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    renameSync(path, moved);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    if (read(moved) !== judged) linkSync(moved, path);
  } finally {
    rmSync(moved, { force: true });
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function parse(text: string): LockRecord | null {
  try {
    return LockRecord.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function sameProcess(a: ProcessIdentity | undefined, b: ProcessIdentity): boolean {
  return a?.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId;
}

function ownIdentity(): ProcessIdentity {
  const identity = identify(process.pid);
  if (identity === null) throw new BrokerError('ERR_PLATFORM_UNSUPPORTED', 'expected /proc to be mounted');
  return identity;
}

function alreadyRunning(stateDir: string, pid: number): BrokerError {
  return new BrokerError(
    'ERR_ALREADY_RUNNING',
    `process ${pid} already runs the embedded database in ${stateDir}; stop it, or use another state folder`,
    { details: { pid, stateDir } },
  );
}
