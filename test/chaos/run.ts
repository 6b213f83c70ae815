import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Blow, type Fault, planFault } from './faults.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { type Leftovers, readHistory, readOrphans, type StepHistory } from './history.ts';
import type { PostgresServer } from './postgres-server.ts';
import { createRandom } from './random.ts';
import { TEMPLATE } from './setup.ts';
import { completed, openStage, PATIENCE_MS, type Stage } from './stage.ts';
import { findViolations, tellHistory, type Violation } from './violations.ts';

export interface RunReport {
  readonly fault: Fault;
  readonly violations: readonly Violation[];
  readonly tasks: number;
  /** Processes that were started: one more for each that ended. */
  readonly starts: number;
  readonly durationMs: number;
}

const TASKS_MAX = 3;
let runs = 0;

/** Some tasks from submission to their end, with one fault in between. Everything that is chosen is chosen by the seed. */
export async function runOnce(server: PostgresServer, name: string, seed: number): Promise<RunReport> {
  const startedMs = performance.now();
  const random = createRandom(seed);
  const fault = planFault(name, random);
  const tasks = 1 + random.below(TASKS_MAX);
  const stage = await openStage(server, { graceMs: 0 });
  try {
    const { violations, starts } = await disturb(server, stage, fault, tasks);
    return { fault, violations, tasks, starts, durationMs: performance.now() - startedMs };
  } finally {
    await stage.close();
  }
}

async function disturb(
  server: PostgresServer,
  { chaosDatabase, database, world, setup, orchestrator }: Stage,
  fault: Fault,
  tasks: number,
): Promise<Pick<RunReport, 'violations' | 'starts'>> {
  const orphans = new Set<string>();
  const submitted = Promise.withResolvers<void>();
  runs += 1;
  const mark = `${process.pid}-${runs}`;
  const fleet = await startFleet({
    fault,
    database: chaosDatabase,
    world,
    configFile: setup.configFile,
    mark,
    async killPostgres(blow) {
      // A task whose submission is interrupted is the orchestrator's to repair.
      await submitted.promise;
      await server.die(blow === 'postgres kill' ? 'kill' : 'immediate');
      await orchestrator.restart();
    },
    async onDeath({ signal }, ports) {
      if (signal !== 'SIGKILL' || fault.brokers > 1) return;
      for (const claim of await readOrphans(database, ports)) orphans.add(claim);
    },
  });
  await Promise.race([fleet.ready, sleep(PATIENCE_MS, undefined, { ref: false })]);
  for (let task = 1; task <= tasks; task += 1) await orchestrator.submit(String(task));
  submitted.resolve();
  const left = await completed(database, () => fleet.mayDecide);
  await fleet.stop();
  const steps = await readHistory(database);
  const expected = {
    codes: codesOf(fault),
    orphans: fault.brokers > 1 ? null : orphans,
    steps: tasks * TEMPLATE.steps.length,
  };
  const ended = left === null ? findViolations(steps, expected) : [incomplete(left, steps)];
  return { violations: [...ended, ...processViolations(fleet, mark)], starts: fleet.starts };
}

/** The failures that a fault may cause, one attempt each. A lost lane, a cut connection and a dead database cause none. */
function codesOf({ strikes }: Fault): readonly string[] {
  const codes: Readonly<Record<Blow, readonly string[]>> = {
    kill: ['ERR_ORPHANED'],
    lanes: [],
    drain: ['ERR_ABORTED'],
    cut: [],
    'postgres immediate': [],
    'postgres kill': [],
  };
  return strikes.flatMap(({ blow }) => codes[blow]);
}

function incomplete(left: Leftovers | string, steps: readonly StepHistory[]): Violation {
  const open = steps.filter(({ transitions }) => transitions.at(-1)?.to !== 'complete').map(tellHistory);
  return { kind: 'incomplete', message: `${JSON.stringify(left)}; ${open.join('; ')}` };
}

function processViolations(fleet: Fleet, mark: string): readonly Violation[] {
  const found: Violation[] = fleet.crashes.map((stderr) => ({ kind: 'crash', message: stderr.trim() }));
  if (fleet.due > 0) found.push({ kind: 'missed', message: 'the fault did not strike' });
  const pids = processesOf(mark);
  if (pids.length > 0) found.push({ kind: 'left behind', message: `processes ${pids.join(', ')}` });
  return found;
}

/** Processes with this mark in their environment, whoever started them. */
function processesOf(mark: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`CHAOS_RUN=${mark}\0`)
      );
    } catch {
      // It has ended meanwhile, or is somebody else's.
      return false;
    }
  });
}
