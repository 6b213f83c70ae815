import { openConnections } from './engine/connections.ts';
import type { EngineListener } from './engine/events.ts';
import { type Loop, startLoop } from './engine/loop.ts';
import { DEFAULT_RETENTION, type Retention } from './engine/retention.ts';
import { type Submitted, submitTask, type TaskRequest } from './engine/submit.ts';
import { findUnfinishedTask, type TaskView, type UnfinishedTask, viewTask } from './engine/views.ts';
import { requireSchema } from './schema/install.ts';

export type { EngineEvent, EngineListener } from './engine/events.ts';
export type { Retention } from './engine/retention.ts';
export type { Submitted, TaskRequest } from './engine/submit.ts';
export type { StepView, TaskView, UnfinishedTask } from './engine/views.ts';

const DEFAULT_POLL_MS = 250;
/** Tasker's interval of the staleness detector. */
const DEFAULT_SWEEP_MS = 300_000;

export interface EngineOptions {
  /** A database with the standalone schema (`installSchema`). */
  readonly databaseUrl: string;
  /** How often it looks for ready tasks, and for results whose notification was lost. Tasker: 5,000. */
  readonly pollMs?: number;
  /** How often it looks for stale tasks and prunes. Default 300,000. */
  readonly sweepMs?: number;
  /** Milliseconds since the epoch, for backoff, limits of waiting and retention. Default: the database's clock. */
  readonly now?: () => number;
  /** Jitter of backoff. Default `Math.random`. */
  readonly random?: () => number;
  /** What finished tasks and archived messages are kept for; null keeps everything, as Tasker does. */
  readonly retention?: Retention | null;
  /**
   * Not Tasker's behaviour: at start, continue what a killed engine left half done, and fail no task for being stale.
   * For the demo, whose engine, broker and database die together. Default false.
   */
  readonly redrive?: boolean;
  /** Told after each committed transaction. What it throws is ignored. */
  readonly onEvent?: EngineListener;
}

/** The orchestrator's side of the Tasker contract. */
export interface Engine {
  /** Begins to process results and to resume waiting tasks. Idempotent. */
  start(): void;
  /**
   * Creates a task and enqueues its first steps; a repeated request finds the task it made before.
   *
   * @throws BrokerError ERR_INPUT_INVALID, ERR_TEMPLATE_INVALID
   */
  submit(request: TaskRequest): Promise<Submitted>;
  /** The task and its steps as they are now. @throws BrokerError ERR_INPUT_INVALID when there is no such task */
  task(taskUuid: string): Promise<TaskView>;
  /** The oldest task of a template, in any version, that can still go on by itself. */
  findUnfinished(template: {
    readonly namespace: string;
    readonly name: string;
  }): Promise<UnfinishedTask | null>;
  /** Finishes the message at hand and disconnects. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Connects an engine that can be asked, and processes nothing until `start`. It behaves as Tasker 0.1.8 does, hazards
 * included (docs/standalone.md): each transition commits by itself, and what a crash interrupts nobody continues.
 *
 * @throws BrokerError ERR_DATABASE_FOREIGN unless the database has our schema in this version,
 *   ERR_DATABASE_UNAVAILABLE
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  await requireSchema(options.databaseUrl);
  const connections = openConnections(options);
  const { withClient, pool } = connections;
  const redrive = options.redrive ?? false;
  let loop: Loop | undefined;
  let stopped: Promise<void> | undefined;
  const start = (): void => {
    if (stopped !== undefined) return;
    loop ??= startLoop(connections, {
      databaseUrl: options.databaseUrl,
      pollMs: options.pollMs ?? DEFAULT_POLL_MS,
      sweepMs: options.sweepMs ?? DEFAULT_SWEEP_MS,
      retention: options.retention === undefined ? DEFAULT_RETENTION : options.retention,
      failStale: !redrive,
      redrive,
    });
  };
  const stop = async (): Promise<void> => {
    await loop?.stop();
    await pool.end();
  };
  return Object.freeze({
    start,
    submit: (request: TaskRequest) => submitTask(connections, request),
    task: (taskUuid: string) => withClient((client) => viewTask(client, taskUuid)),
    findUnfinished: (template: { readonly namespace: string; readonly name: string }) =>
      withClient((client) => findUnfinishedTask(client, template.namespace, template.name)),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  });
}

/** `createEngine`, started. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const engine = await createEngine(options);
  engine.start();
  return engine;
}
