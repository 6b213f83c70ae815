import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { startWorker } from '../../src/cli/worker.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { createEvents } from '../../src/events.ts';
import { Grants } from '../../src/model/grant.ts';
import { type Database, openDatabase } from '../../src/tasker/connection.ts';
import { decideWaiting, listWaiting } from '../../src/tasker/waiting.ts';
import { GATE_GRANT } from './guest-sources.ts';
import { createGuestFolder } from './guests.ts';
import { type Origin, startOrigin } from './origin.ts';
import {
  createRestClient,
  type RestClient,
  RestError,
  resultsOf,
  type StepResponse,
  type StepResults,
  type TaskResponse,
} from './rest.ts';
import type { Target } from './target.ts';

const NAMESPACE = 'wasm_interop';
const TEMPLATES = fileURLToPath(new URL('./templates', import.meta.url));

/** A task as REST shows it. */
export interface Observed {
  readonly task: TaskResponse;
  /** Name, state and attempts of every step, by name. */
  readonly steps: readonly (readonly [name: string, state: string, attempts: number])[];
  step(name: string): StepResponse;
  /** The result of a step, whole. */
  results(name: string): StepResults;
}

/** One target with our broker at work on it. */
export interface Interop {
  readonly rest: RestClient;
  readonly origin: Origin;
  /** Creates a task of a template in `templates/`; `context` is completed by `origin` and a fresh `key`. */
  submit(template: string, context?: Readonly<Record<string, unknown>>): Promise<Submitted>;
  observe(taskUuid: string): Promise<Observed>;
  /** Observes until `done` holds. */
  until(taskUuid: string, done: (seen: Observed) => boolean): Promise<Observed>;
  /** Observes until nothing of the task moves any more. */
  ended(taskUuid: string): Promise<Observed>;
  /** `submit` and `ended`. */
  run(template: string, context?: Readonly<Record<string, unknown>>): Promise<Observed>;
  /** Resolves with the step of the task that waits for a person, as soon as one does. */
  waits(taskUuid: string): Promise<string>;
  /** Decides as another process of ours with the same database does. */
  decide(stepUuid: string, decision: 'approved' | 'rejected'): Promise<void>;
  /** Drains the broker, which breaks off what does not end at once, and starts another. */
  restartBroker(): Promise<void>;
  close(): Promise<void>;
}

export interface Submitted {
  readonly taskUuid: string;
  /** What makes the paths of this task at the origin its own. */
  readonly key: string;
}

/** The status of a task with a step in error. The second server of a database moves it from one to the other. */
export const GIVEN_UP = expect.stringMatching(/^(blocked_by_failures|error)$/);

const ENDED = new Set(['complete', 'error', 'blocked_by_failures', 'cancelled', 'resolved_manually']);
const MOVING = new Set([
  'enqueued',
  'in_progress',
  'enqueued_for_orchestration',
  'enqueued_as_error_for_orchestration',
]);
const POLL_MS = 50;
const DRAIN_GRACE_MS = 100;
/** Longer than Tasker's own polls and the delays of the templates take together. */
const END_WITHIN_MS = 90_000;

export async function startInterop(target: Target): Promise<Interop> {
  const rest = createRestClient(target.url);
  const [origin, guests] = await Promise.all([startOrigin(), createGuestFolder()]);
  const start = () =>
    startWorker({
      config: brokerConfig(origin.port, guests.path),
      databaseUrl: target.databaseUrl,
      env: {},
      events: createEvents(),
      // The templates of another version of this suite may be registered under the same names.
      forceTemplates: true,
    });
  let worker = await start();
  const database = openDatabase(target.databaseUrl);
  const interop: Interop = {
    rest,
    origin,
    submit: (template, context = {}) =>
      submit(rest, template, { origin: `http://127.0.0.1:${origin.port}`, ...context }),
    observe: (taskUuid) => observe(rest, taskUuid),
    until: (taskUuid, done) => observeUntil(rest, taskUuid, done),
    ended: (taskUuid) => observeUntil(rest, taskUuid, hasEnded),
    run: async (template, context) => interop.ended((await interop.submit(template, context)).taskUuid),
    async restartBroker() {
      await worker.stop({ graceMs: DRAIN_GRACE_MS });
      worker = await start();
    },
    waits: (taskUuid) => waitingStep(database, taskUuid),
    decide: (stepUuid, decision) =>
      decideWaiting(
        database,
        { stepUuid, namespace: NAMESPACE },
        { decision, by: 'interop', comment: '', data: null },
        Date.now(),
      ),
    async close() {
      await origin.close();
      await worker.stop({ graceMs: DRAIN_GRACE_MS });
      await database.close();
      await guests.remove();
      await target.close();
    },
  };
  return interop;
}

/** Only the origin may be reached, and only by the handler that makes requests. */
function brokerConfig(port: number, guests: string): Config {
  const config = loadConfig({ env: {} });
  return {
    ...config,
    worker: { ...config.worker, namespace: NAMESPACE, templates: [TEMPLATES], poll_ms: 100 },
    catalog: { builtin: true, folders: [guests] },
    // Time for a request that is held while the suite waits for Tasker's slowest poll.
    limits: {
      ...config.limits,
      fuel: 200_000_000,
      wall_ms: END_WITHIN_MS,
      http_timeout_ms: END_WITHIN_MS,
      http_first_byte_ms: END_WITHIN_MS,
    },
    grants: {
      interop_gate: Grants.parse([GATE_GRANT]),
      http_request: [
        {
          capability: 'http',
          schemes: ['http'],
          hosts: ['127.0.0.1'],
          ports: [port],
          methods: ['GET'],
          path_prefix: '/',
          private_networks: ['127.0.0.1/32'],
        },
      ],
    },
  };
}

async function submit(
  rest: RestClient,
  name: string,
  context: Readonly<Record<string, unknown>>,
  triesLeft = 3,
): Promise<Submitted> {
  const key = randomUUID();
  const template = { namespace: NAMESPACE, name, version: '1.0.0' };
  try {
    const { task_uuid: taskUuid } = await rest.createTask({ ...template, context: { key, ...context } });
    return { taskUuid, key };
  } catch (error) {
    // Answered when another poll of the server took the new task up first. It runs, but we cannot know it (docs/tasker.md).
    if (!(error instanceof RestError) || error.status !== 500 || triesLeft === 0) throw error;
    return submit(rest, name, context, triesLeft - 1);
  }
}

async function observe(rest: RestClient, taskUuid: string): Promise<Observed> {
  const [task, found] = await Promise.all([rest.task(taskUuid), rest.steps(taskUuid)]);
  const steps = found.toSorted((a, b) => a.name.localeCompare(b.name));
  const step = (name: string): StepResponse => {
    const one = steps.find((candidate) => candidate.name === name);
    if (one === undefined) throw new Error(`expected a step ${name}, got ${steps.map((s) => s.name).join()}`);
    return one;
  };
  return {
    task,
    steps: steps.map(({ name, current_state, attempts }) => [name, current_state, attempts] as const),
    step,
    results: (name) => resultsOf(step(name)),
  };
}

async function waitingStep({ pool }: Database, taskUuid: string): Promise<string> {
  const deadlineMs = Date.now() + END_WITHIN_MS;
  for (;;) {
    const found = (await listWaiting(pool, NAMESPACE)).find((step) => step.taskUuid === taskUuid);
    if (found !== undefined) return found.stepUuid;
    if (Date.now() > deadlineMs) throw new Error(`no step of task ${taskUuid} waits for a person`);
    await sleep(POLL_MS);
  }
}

function hasEnded({ task, steps }: Observed): boolean {
  return ENDED.has(task.status) && steps.every(([, state]) => !MOVING.has(state));
}

async function observeUntil(
  rest: RestClient,
  taskUuid: string,
  done: (seen: Observed) => boolean,
): Promise<Observed> {
  const deadlineMs = Date.now() + END_WITHIN_MS;
  for (;;) {
    const seen = await observe(rest, taskUuid);
    if (done(seen)) return seen;
    if (Date.now() > deadlineMs) {
      throw new Error(
        `task ${taskUuid} did not come to its end in ${END_WITHIN_MS} ms: ${seen.task.status} ${JSON.stringify(seen.steps)}`,
      );
    }
    await sleep(POLL_MS);
  }
}
