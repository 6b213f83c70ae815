import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/errors.ts';
import { type Engine, startEngine } from '../../src/standalone/index.ts';
import { type Database, openDatabase } from '../../src/tasker/connection.ts';
import { decideWaiting, listWaiting } from '../../src/tasker/waiting.ts';
import type { Exit } from './broker-process.ts';
import { type Blow, type Fault, planFault } from './faults.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { type Leftovers, readHistory, readLeftovers, readOrphans, type StepHistory } from './history.ts';
import type { ChaosDatabase, PostgresServer } from './postgres-server.ts';
import { createRandom } from './random.ts';
import { createSetup, TEMPLATE } from './setup.ts';
import { NAMESPACE } from './statements.ts';
import { findViolations, tellHistory, type Violation } from './violations.ts';
import { startWorld } from './world.ts';

export interface RunReport {
  readonly fault: Fault;
  readonly violations: readonly Violation[];
  readonly tasks: number;
  /** Processes that were started: one more for each that ended. */
  readonly starts: number;
  readonly durationMs: number;
}

/** Only a run that would never end comes to this; nothing else depends on time. */
const PATIENCE_MS = 300_000;
const POLL_MS = 20;
const TASKS_MAX = 3;

/** Some tasks from submission to their end, with one fault in between. Everything that is chosen is chosen by the seed. */
export async function runOnce(server: PostgresServer, name: string, seed: number): Promise<RunReport> {
  const startedMs = performance.now();
  const random = createRandom(seed);
  const fault = planFault(name, random);
  const tasks = 1 + random.below(TASKS_MAX);
  const chaosDatabase = await server.createDatabase();
  const world = await startWorld();
  const setup = await createSetup(world, { graceMs: 0 });
  const database = openDatabase(chaosDatabase.url);
  const orchestrator = await startOrchestrator(chaosDatabase);
  const orphans = new Set<string>();
  const submitted = Promise.withResolvers<void>();
  const mark = `chaos-${process.pid}-${seed}-${performance.now()}`;
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
    async onDeath(exit: Exit, ports) {
      if (exit.signal !== 'SIGKILL' || fault.brokers > 1) return;
      for (const claim of await readOrphans(database, ports)) orphans.add(claim);
    },
  });
  const violations: Violation[] = [];
  try {
    await Promise.race([fleet.ready, sleep(PATIENCE_MS, undefined, { ref: false })]);
    for (let task = 1; task <= tasks; task += 1) await orchestrator.submit(String(task), world.origin);
    submitted.resolve();
    const left = await completed(database, () => fleet.mayDecide);
    await fleet.stop();
    const steps = await readHistory(database);
    violations.push(...leftViolations(left, steps));
    if (left === null) {
      const expected = { codes: codesOf(fault), orphans: fault.brokers > 1 ? null : orphans };
      violations.push(...findViolations(steps, { ...expected, lostLanes: name === 'lanes' ? 1 : 0 }));
      if (steps.length !== tasks * TEMPLATE.steps.length) {
        violations.push({ kind: 'lost', message: `expected ${tasks} tasks, got ${steps.length} steps` });
      }
    }
    violations.push(...processViolations(fleet, mark));
  } finally {
    await orchestrator.stop();
    await database.close();
    await chaosDatabase.drop();
    await world.close();
    await setup.remove();
  }
  return { fault, violations, tasks, starts: fleet.starts, durationMs: performance.now() - startedMs };
}

/** The failures that a fault may cause, one attempt each. A cut connection and a dead database cause none. */
function codesOf({ strikes }: Fault): readonly string[] {
  const codes: Readonly<Record<Blow, readonly string[]>> = {
    kill: ['ERR_ORPHANED'],
    lanes: ['ERR_LANE_LOST'],
    drain: ['ERR_ABORTED'],
    cut: [],
    'postgres immediate': [],
    'postgres kill': [],
  };
  return strikes.flatMap(({ blow }) => codes[blow]);
}

interface Orchestrator {
  submit(task: string, origin: string): Promise<void>;
  /** Ends it as its machine's reboot would, and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOrchestrator(database: ChaosDatabase): Promise<Orchestrator> {
  // What a killed engine left half done is not the broker's to repair.
  const options = { databaseUrl: database.url, pollMs: POLL_MS, redrive: true };
  let engine: Engine = await startEngine(options);
  return {
    async submit(task, origin) {
      await engine.submit({
        namespace: NAMESPACE,
        name: TEMPLATE.name,
        version: TEMPLATE.version,
        context: { task, origin },
        initiator: 'chaos',
        sourceSystem: 'test',
        reason: 'to be disturbed',
      });
    },
    async restart() {
      await engine.stop().catch(() => {});
      engine = await startEngine(options);
    },
    stop: () => engine.stop().catch(() => {}),
  };
}

/** Decides what waits until every task is complete and nothing is on its way; else what is left after a long time. */
export async function completed(
  database: Database,
  mayDecide: () => boolean = () => true,
): Promise<Leftovers | string | null> {
  let last: Leftovers | string = 'nothing was read';
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (performance.now() < deadlineMs) {
    try {
      if (mayDecide()) await approve(database);
      last = await readLeftovers(database);
      if (Object.values(last).every((rows) => rows === 0)) return null;
      if (last.failed > 0) return last;
    } catch (error) {
      // The database is away, or somebody ended the wait.
      last = messageOf(error);
    }
    await sleep(POLL_MS);
  }
  return last;
}

async function approve(database: Database): Promise<void> {
  for (const { stepUuid } of await listWaiting(database.pool, NAMESPACE)) {
    const decision = { decision: 'approved', by: 'chaos', comment: '', data: null } as const;
    await decideWaiting(database, { stepUuid, namespace: NAMESPACE }, decision, Date.now());
  }
}

function leftViolations(
  left: Leftovers | string | null,
  steps: readonly StepHistory[],
): readonly Violation[] {
  if (left === null) return [];
  const open = steps.filter(({ transitions }) => transitions.at(-1)?.to !== 'complete').map(tellHistory);
  return [{ kind: 'incomplete', message: `${JSON.stringify(left)}; ${open.join('; ')}` }];
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
    const file = `/proc/${pid}/environ`;
    try {
      return (
        /^\d+$/.test(pid) && existsSync(file) && readFileSync(file, 'utf8').includes(`CHAOS_RUN=${mark}\0`)
      );
    } catch {
      return false;
    }
  });
}
