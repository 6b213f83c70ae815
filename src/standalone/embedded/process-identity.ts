import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process of this machine, told apart from a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of `/proc/PID/stat` (proc_pid_stat(5)). */
  readonly startTicks: string;
  readonly bootId: string;
}

/** The identity of a running process; null when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  const bootId = readOrNull('/proc/sys/kernel/random/boot_id');
  if (stat === null || bootId === null) return null;
  // The command name (field 2) may contain spaces and parentheses: count from its last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  if (state === undefined || startTicks === undefined || state === 'Z' || state === 'X') return null;
  return { pid, startTicks, bootId: bootId.trim() };
}

/** Whether exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== null && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/**
 * Pids of the processes whose working directory is `directory`. A PostgreSQL server and all its backends work in
 * their data directory, so this finds them without trusting a pid file.
 */
export function processesWorkingIn(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => workingDirectoryOf(pid) === directory);
}

function workingDirectoryOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null; // gone, or another user's
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
