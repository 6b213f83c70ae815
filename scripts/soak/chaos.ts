import { readdirSync, readFileSync } from 'node:fs';
import { type Random, randomFrom, startWorkload, type Workload } from './workload.ts';

export interface ChaosOptions {
  readonly count: number;
  readonly kills: number;
  readonly seed: number;
}

export interface ChaosResult {
  /** Outcomes that are not as they should be. */
  readonly wrong: readonly string[];
  readonly kills: number;
  /** Requests that arrived, and those that the guests made: none is sent twice. */
  readonly requests: number;
  readonly calls: number;
}

const IN_FLIGHT = 48;

/**
 * Kills threads and processes while `count` invocations of every kind run. A kill comes after a part of them has ended, so
 * that what was suspected because of the last has run alone: the next then hits others.
 */
export async function chaos({ count, kills, seed }: ChaosOptions): Promise<ChaosResult> {
  const workload = await startWorkload({ lanes: 2, inFlightPerLane: 16, processes: 10 });
  const random = randomFrom(seed);
  const killEvery = Math.floor(count / (kills + 1));
  const wrong: string[] = [];
  let calls = 0;
  let started = 0;
  let ended = 0;
  let killed = 0;
  const keepRunning = async () => {
    while (started < count) {
      const n = started++;
      const kind = workload.kinds[random(workload.kinds.length)];
      if (kind === undefined) return;
      calls += kind.calls;
      const fault = kind.fault(n, await kind.run(n));
      if (fault !== null) wrong.push(fault);
      ended += 1;
      if (ended % killEvery === 0 && killed < kills && killOne(workload, random)) killed += 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, keepRunning));
  const { requests } = workload;
  await workload.close();
  return { wrong, kills: killed, requests, calls };
}

/** A thread by its pool; a process as anybody can who has the right, or by its pool where there is no /proc. */
function killOne({ sandbox }: Workload, random: Random): boolean {
  if (random(2) === 0) return sandbox.killLane('thread', 'chaos');
  const pids = guestProcesses();
  const pid = pids[random(Math.max(1, pids.length))];
  if (pid === undefined) return sandbox.killLane('thread', 'chaos');
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
    return sandbox.killLane('thread', 'chaos');
  }
}

/** Processes that this one started to run guests; Linux only. */
export function guestProcesses(): number[] {
  const found: number[] = [];
  try {
    for (const task of readdirSync('/proc/self/task')) {
      const children = readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ');
      found.push(...children.filter((pid) => /^\d+$/.test(pid)).map(Number));
    }
  } catch {
    return [];
  }
  return found.filter(isGuestProcess);
}

function isGuestProcess(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sandbox/process/child');
  } catch {
    return false;
  }
}
