import { openConnections } from './engine/connections.ts';
import type { EngineListener } from './engine/events.ts';
import { type Loop, startLoop } from './engine/loop.ts';
import { submitTask, type TaskRequest } from './engine/submit.ts';
import { findUnfinishedTask, type TaskView, type UnfinishedTask, viewTask } from './engine/views.ts';
import { requireSchema } from './schema/install.ts';

export type { EngineEvent, EngineListener } from './engine/events.ts';
export type { TaskRequest } from './engine/submit.ts';
export type { StepView, TaskView, UnfinishedTask } from './engine/views.ts';

const DEFAULT_POLL_MS = 250;

export interface EngineOptions {
  /** A database with the standalone schema (`installSchema`). */
  readonly databaseUrl: string;
  /** How often it looks for due retries, and for results whose notification was lost. */
  readonly pollMs?: number;
  /** Milliseconds since the epoch, for backoff. Default: the database's clock. */
  readonly now?: () => number;
  /** Jitter of backoff. Default `Math.random`. */
  readonly random?: () => number;
  /** Told after each committed transaction. What it throws is ignored. */
  readonly onEvent?: EngineListener;
}

/** The orchestrator's side of the Tasker contract. */
export interface Engine {
  /** Begins to process results and retries, with what an earlier engine left. Idempotent. */
  start(): void;
  /**
   * Creates a task and enqueues its first steps; a repeated request finds the task it made before.
   *
   * @throws BrokerError ERR_INPUT_INVALID, ERR_TEMPLATE_INVALID; ERR_CONFIG_INVALID when no worker made the queue
   */
  submit(request: TaskRequest): Promise<{ taskUuid: string; created: boolean }>;
  /** The task and its steps as they are now. @throws BrokerError ERR_INPUT_INVALID when there is no such task */
  task(taskUuid: string): Promise<TaskView>;
  /** The oldest task of a template, in any version, that can still go on by itself. */
  findUnfinished(template: {
    readonly namespace: string;
    readonly name: string;
  }): Promise<UnfinishedTask | null>;
  /** Finishes the transaction at hand and disconnects. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Connects an engine that can be asked, and processes nothing until `start`. Every wave (state changes and the messages
 * that belong to them) is one transaction: a crash at any point loses nothing and repeats nothing.
 *
 * @throws BrokerError ERR_DATABASE_FOREIGN unless the database has our schema in this version,
 *   ERR_DATABASE_UNAVAILABLE
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  await requireSchema(options.databaseUrl);
  const connections = openConnections(options);
  const { inWave, withClient, pool } = connections;
  let loop: Loop | undefined;
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await loop?.stop();
    await pool.end();
  };
  return Object.freeze({
    start: () => {
      if (stopped === undefined) {
        loop ??= startLoop(connections, options.databaseUrl, options.pollMs ?? DEFAULT_POLL_MS);
      }
    },
    submit: (request: TaskRequest) => inWave((wave) => submitTask(wave, request)),
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
