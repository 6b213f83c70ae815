import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, loadConfig, processEnv } from '../../config.ts';
import { createEvents } from '../../events.ts';
import { isJsonObject, type JsonValue } from '../../model/json.ts';
import type { Engine, TaskView } from '../../standalone/index.ts';
import { startWorker } from '../worker.ts';
import { type DataServer, startDataServer } from './data-server.ts';
import { openDatabase } from './database.ts';
import { readMovies, requireDemoPackages } from './packages.ts';
import { startProgress } from './progress.ts';
import { failureOf, renderReport, reportStep, resultOf } from './report.ts';

const EXAMPLE = fileURLToPath(new URL('../../../examples/movies', import.meta.url));
const TEMPLATE = { namespace: 'wasm_demo', name: 'movie_report', version: '1.0.0' };
/** Records of the data set that may break the schema before the other branch is taken. */
const MAX_INVALID = 50;
const STATE_DIR = '.tasker';
const ENDED = new Set(['complete', 'error', 'blocked_by_failures', 'cancelled', 'resolved_manually']);

/** Runs the demo. True when every step ended as expected. */
export async function runDemo(options: { readonly json: boolean }): Promise<boolean> {
  const env = processEnv();
  requireDemoPackages(env['DATABASE_URL'] === undefined);
  const events = createEvents();
  const progress = startProgress(events, options.json ? process.stderr : process.stdout);
  const stateDir = resolve(STATE_DIR);
  const cleanups: (() => Promise<void>)[] = [];
  try {
    const database = await openDatabase({ stateDir, env, onNotice: progress.note });
    cleanups.push(database.stop);
    const { engine } = database;
    const unfinished = await engine.findUnfinished(TEMPLATE);
    const server = await startDataServer({
      movies: await readMovies(),
      token: tokenOf(database.url),
      maxInvalid: MAX_INVALID,
      port: unfinished === null ? 0 : portOf(unfinished.context),
    });
    cleanups.push(server.close);
    const worker = await startWorker({
      config: demoConfig(server, database.url, env),
      databaseUrl: database.url,
      env: { ...env, DEMO_TOKEN: tokenOf(database.url) },
      events,
      // The template comes with this package and the database is the demo's own.
      forceTemplates: true,
    });
    cleanups.push(() => worker.stop());
    engine.start();
    const taskUuid = unfinished?.taskUuid ?? (await submit(engine, server));
    progress.note(`task ${taskUuid}: ${unfinished === null ? 'submitted' : 'was left unfinished; goes on'}`);
    const task = await ended(engine, taskUuid);
    progress.stop();
    const resultPath = await writeResult(stateDir, task);
    return report(task, resultPath, options.json);
  } finally {
    progress.stop();
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

function demoConfig(server: DataServer, databaseUrl: string, env: ReturnType<typeof processEnv>): Config {
  const demo = { ...env, DEMO_PORT: String(server.port), DEMO_TOKEN: 'set', DATABASE_URL: databaseUrl };
  return loadConfig({ file: join(EXAMPLE, 'broker.toml'), env: demo });
}

/** A token that the next start after a crash knows again: derived from the database's own password. */
function tokenOf(databaseUrl: string): string {
  return createHash('sha256')
    .update(`demo token\0${new URL(databaseUrl).password}`)
    .digest('hex')
    .slice(0, 32);
}

async function submit(engine: Engine, server: DataServer): Promise<string> {
  const { taskUuid } = await engine.submit({
    ...TEMPLATE,
    context: { origin: server.origin },
    idempotencyKey: randomUUID(),
    initiator: 'wasm-broker demo',
    sourceSystem: 'demo',
    reason: 'show what the broker does',
  });
  return taskUuid;
}

function portOf(context: JsonValue): number {
  const origin = isJsonObject(context) ? context['origin'] : null;
  return typeof origin === 'string' && URL.canParse(origin) ? Number(new URL(origin).port) : 0;
}

const POLL_MS = 50;

async function ended(engine: Engine, taskUuid: string): Promise<TaskView> {
  for (;;) {
    const task = await engine.task(taskUuid);
    if (ENDED.has(task.status)) return task;
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}

/** Written beside its final name first, so that a result file is always whole. */
async function writeResult(stateDir: string, task: TaskView): Promise<string> {
  const folder = join(stateDir, 'results');
  const path = join(folder, `${task.taskUuid}.json`);
  const named = (name: string) => resultOf(task.steps.find((step) => step.name === name));
  const result = {
    task: task.taskUuid,
    status: task.status,
    aggregate: named('aggregate_by_genre'),
    decision: named('choose_audience'),
    notified: task.steps.map((step) => step.name).filter((name) => /^(publish|notify)_/.test(name)),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.part`, `${JSON.stringify(result, null, 2)}\n`);
  await rename(`${path}.part`, path);
  return path;
}

function report(task: TaskView, resultPath: string, json: boolean): boolean {
  const steps = task.steps.map(reportStep);
  const asExpected = task.status === 'complete' && steps.every((step) => step.outcome === 'completed');
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ task: task.taskUuid, status: task.status, steps, result_path: resultPath })}\n`,
    );
    return asExpected;
  }
  const failures = task.steps.map(failureOf).filter((failure) => failure !== null);
  const lines = ['', renderReport(steps), '', ...failures, `task ${task.status}; result in ${resultPath}`];
  process.stdout.write(`${lines.join('\n')}\n`);
  return asExpected;
}
