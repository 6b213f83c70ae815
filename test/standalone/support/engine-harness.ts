import pg from 'pg';
import {
  createEngine,
  type Engine,
  type EngineEvent,
  type EngineOptions,
  type TaskView,
} from '../../../src/standalone/engine.ts';
import { sessionConfig } from '../../../src/standalone/session.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type ClaimedStep, type Report, SqlWorker } from './sql-worker.ts';

/** Milliseconds; the engine's polls in tests are short because nothing else would make them wait. */
const POLL_MS = 10;
const PATIENCE_MS = 10_000;

/** An engine on a database of its own, a worker in plain SQL, and a clock that a test moves by hand. */
export class EngineHarness {
  readonly events: EngineEvent[] = [];
  readonly database: TestDatabase;
  readonly client: pg.Client;
  readonly worker: SqlWorker;
  engine: Engine;
  nowMs = Date.now();
  /** How often the engine has asked for the time: two to six times in a round of its loop without messages. */
  private looks = 0;

  private constructor(database: TestDatabase, client: pg.Client, engine: Engine) {
    this.database = database;
    this.client = client;
    this.worker = new SqlWorker(client);
    this.engine = engine;
  }

  static async open(): Promise<EngineHarness> {
    const database = await createTestDatabase();
    const client = new pg.Client(sessionConfig(database.url));
    await client.connect();
    const harness = new EngineHarness(database, client, await createEngine({ databaseUrl: database.url }));
    await harness.restart();
    return harness;
  }

  /** Stops the engine and starts another one on the same database. It sweeps once, unless `sweepMs` is given. */
  async restart(options: Partial<EngineOptions> = {}): Promise<void> {
    await this.engine.stop();
    this.engine = await createEngine({
      databaseUrl: this.database.url,
      pollMs: POLL_MS,
      sweepMs: Number.POSITIVE_INFINITY,
      now: () => {
        this.looks++;
        return this.nowMs;
      },
      random: () => 0.5,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
    this.engine.start();
  }

  async close(): Promise<void> {
    await this.engine.stop();
    await this.client.end();
    await this.database.drop();
  }

  /** Submits a task of namespace `shop`. */
  async submit(name: string, options: { key?: string; context?: Record<string, string> } = {}) {
    return this.engine.submit({
      namespace: 'shop',
      name,
      version: '1.0.0',
      context: options.context ?? {},
      initiator: 'test',
      sourceSystem: 'vitest',
      reason: 'test',
      ...(options.key === undefined ? {} : { idempotencyKey: options.key }),
    });
  }

  /** Claims the next step, waiting until there is one. */
  async claimNext(): Promise<ClaimedStep> {
    return this.eventually('a step in the queue', () => this.worker.claim());
  }

  /** Claims the next step, checks its name and reports. */
  async run(name: string, report: Report = { value: { by: name } }): Promise<ClaimedStep> {
    const step = await this.claimNext();
    if (step.name !== name) throw new Error(`expected step ${name} in the queue, got ${step.name}`);
    await this.worker.complete(step, report);
    return step;
  }

  /** Waits until the task has the status. */
  async status(taskUuid: string, status: string): Promise<TaskView> {
    return this.eventually(`task status ${status}`, async () => {
      const task = await this.engine.task(taskUuid);
      return task.status === status ? task : null;
    });
  }

  /** Waits until the step of a task has the state. */
  async stepState(taskUuid: string, name: string, state: string): Promise<TaskView> {
    return this.eventually(`state ${state} of step ${name}`, async () => {
      const task = await this.engine.task(taskUuid);
      return task.steps.find((step) => step.name === name)?.state === state ? task : null;
    });
  }

  /** Waits for an event of a kind. */
  async event<Type extends EngineEvent['type']>(type: Type): Promise<Extract<EngineEvent, { type: Type }>> {
    const is = (event: EngineEvent): event is Extract<EngineEvent, { type: Type }> => event.type === type;
    return this.eventually(`event ${type}`, async () => this.events.find(is) ?? null);
  }

  /** The states a task has gone through. */
  async taskHistory(taskUuid: string): Promise<string[]> {
    const { rows } = await this.client.query<{ state: string }>(
      'SELECT to_state AS state FROM tasker.task_transitions WHERE task_uuid = $1 ORDER BY sort_key',
      [taskUuid],
    );
    return rows.map((row) => row.state);
  }

  async queueLength(queue = this.worker.queue): Promise<number> {
    const { rows } = await this.client.query<{ length: number }>(
      'SELECT queue_length::integer AS length FROM pgmq.metrics($1)',
      [queue],
    );
    return rows[0]?.length ?? -1;
  }

  /** Waits until the worker's queue has so many messages. */
  async queueHas(messages: number): Promise<void> {
    await this.eventually(`${messages} messages`, async () =>
      (await this.queueLength()) === messages ? true : null,
    );
  }

  /** Waits until the one message in the result queue has been delivered so often. */
  async delivered(times: number): Promise<void> {
    await this.eventually(`delivery ${times}`, async () => {
      const { rowCount } = await this.client.query(
        'SELECT FROM pgmq.q_orchestration_step_results WHERE read_ct >= $1',
        [times],
      );
      return rowCount === 1 ? true : null;
    });
  }

  /** Waits until the engine has taken every result message. */
  async resultsDrained(): Promise<void> {
    await this.eventually('an empty result queue', async () =>
      (await this.queueLength('orchestration_step_results')) === 0 ? true : null,
    );
  }

  /** Waits until the engine has looked for due retries, at the time it is now, and found none. */
  async idleRound(): Promise<void> {
    const enough = this.looks + 12;
    await this.eventually('a whole round', async () => (this.looks >= enough ? true : null));
  }

  /** Looks again and again until there is something to be found. */
  async eventually<Found>(what: string, look: () => Promise<Found | null>): Promise<Found> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await look();
      if (found !== null) return found;
      if (performance.now() > deadline) {
        throw new Error(`waited ${PATIENCE_MS} ms for ${what}; events: ${JSON.stringify(this.events)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
