import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { processEnv } from '../config.ts';
import {
  type EngineEvent,
  installSchema,
  type RestServer,
  startEmbeddedPostgres,
  startEngine,
  startRestServer,
} from '../standalone/index.ts';
import { stopSignal } from './stop-signal.ts';

interface StandaloneOptions {
  readonly port: number;
  readonly state: string;
  readonly keepDays: number;
}

const DAY_MS = 86_400_000;
const NOTED_STATES: ReadonlySet<string> = new Set(['complete', 'blocked_by_failures', 'error', 'cancelled']);

/** `wasm-broker standalone`: Tasker's side of the contract with its REST API, until it is told to stop. */
export function standaloneCommand(program: Command): void {
  program
    .command('standalone')
    .description("run the orchestrator's side of Tasker's contract, for development, until SIGTERM")
    .option(
      '--port <number>',
      "of the REST API on 127.0.0.1; 0 takes a free one (Tasker's: 8080)",
      port,
      8080,
    )
    .option('--state <folder>', 'of the embedded PostgreSQL, unless DATABASE_URL is set', '.tasker')
    .option('--keep-days <days>', 'how long finished tasks and archived messages are kept', days, 30)
    .action(runStandalone);
}

async function runStandalone(options: StandaloneOptions): Promise<void> {
  const stopped = stopSignal();
  const cleanups: (() => Promise<void>)[] = [];
  try {
    const databaseUrl = await openDatabase(options, cleanups);
    await installSchema(databaseUrl);
    const keptMs = options.keepDays * DAY_MS;
    const engine = await startEngine({
      databaseUrl,
      retention: { finishedTasksMs: keptMs, archivedMessagesMs: keptMs },
      onEvent: note,
    });
    cleanups.push(engine.stop);
    const server: RestServer = await startRestServer({ databaseUrl, port: options.port, onEvent: note });
    cleanups.push(server.close);
    say(`Tasker's REST API on ${server.url}`);
    await stopped;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/** `DATABASE_URL`, or an embedded server whose address goes into a file: it holds the password. */
async function openDatabase(
  { state }: StandaloneOptions,
  cleanups: (() => Promise<void>)[],
): Promise<string> {
  const given = processEnv()['DATABASE_URL'];
  if (given !== undefined) return given;
  const folder = resolve(state);
  const server = await startEmbeddedPostgres({
    stateDir: join(folder, 'postgres'),
    durable: true,
    onNotice: say,
  });
  cleanups.push(server.stop);
  const file = join(folder, 'database.env');
  await writeFile(file, `DATABASE_URL=${server.url}\n`, { mode: 0o600 });
  say(`PostgreSQL 18 on ${new URL(server.url).host}; DATABASE_URL for workers is in ${file}`);
  return server.url;
}

function note(event: EngineEvent): void {
  const line = lineOf(event);
  if (line !== null) say(line);
}

/** What an operator wants to know; the rest is in the tables. */
function lineOf(event: EngineEvent): string | null {
  switch (event.type) {
    case 'task_created':
      return `task ${event.taskUuid}: created`;
    case 'task_state':
      return NOTED_STATES.has(event.state) ? `task ${event.taskUuid}: ${event.state}` : null;
    case 'task_stale':
      return `task ${event.taskUuid}: error, it was ${event.state} for too long`;
    case 'enqueue_failed':
      return `task ${event.taskUuid}: step ${event.stepUuid} was not enqueued: ${event.reason}`;
    case 'outcome_refused':
      return `task ${event.taskUuid}: the outcome of step ${event.name} was ignored: ${event.reason}`;
    case 'message_left':
      return `message ${event.messageId} stays in ${event.queue}: ${event.reason}`;
    case 'fault':
      return event.reason;
    default:
      return null;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('expected a port, 0 to 65535');
}

function days(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0 && text !== '') return value;
  throw new InvalidArgumentError('expected a number of days');
}
