import { type Broker, createBroker, type DrainOptions } from '../broker/broker.ts';
import { createTapes, type Tapes } from '../broker/tapes.ts';
import { type Catalog, createCatalog } from '../catalog/catalog.ts';
import { BUILTIN_FOLDER, handlerFolders, loadHandler } from '../catalog/load.ts';
import type { Config } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import type { Events } from '../events.ts';
import { createHandlerCache, type HandlerCache } from '../host/cache/handler-cache.ts';
import { createHttpClient } from '../host/egress/http-client.ts';
import { createSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { readTemplates } from '../tasker/read-template.ts';
import { createTaskerQueue, type TaskerQueue } from '../tasker/tasker-queue.ts';
import { buildIfSourcesAreHere } from './handler-folder.ts';
import { secretsOf } from './secrets.ts';

export interface WorkerOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly events: Events;
  /** Replace a template that is registered under the same version with other content. Default false. */
  readonly forceTemplates?: boolean;
}

export interface Worker {
  readonly config: Config;
  readonly broker: Broker;
  readonly catalog: Catalog;
  readonly queue: TaskerQueue;
  /** Lanes whose thread runs guests now. */
  readonly lanesReady: number;
  /** Drains, then closes sandbox and database connections. */
  stop(options?: DrainOptions): Promise<void>;
}

/** Wires a broker as a worker of one Tasker namespace: catalog, sandbox, queue, broker; `serve` and `demo` share it. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { config, databaseUrl, env, events, forceTemplates = false } = options;
  const { worker, limits, grants } = config;
  const lanesReady = new Set<number>();
  const http = createHttpClient();
  const cache = cacheOf(config);
  const sandbox = createSandbox({
    lanes: worker.lanes,
    inFlightPerLane: worker.in_flight_per_lane,
    limits,
    host: { http, secrets: secretsOf(config, env, http), ...(cache !== null && { cache }) },
    onLaneReady: (lane) => {
      lanesReady.add(lane);
      events.emit('lane:ready', { lane });
    },
    onLaneLost: (lane, reason) => {
      lanesReady.delete(lane);
      events.emit('lane:lost', { lane, reason });
    },
  });
  try {
    const catalog = await loadCatalog(config, sandbox);
    const queue = await createTaskerQueue({
      databaseUrl,
      namespace: worker.namespace,
      pollMs: worker.poll_ms,
      visibilityTimeoutS: worker.visibility_timeout_s,
      onError: (problem) => events.emit('queue:error', problem),
      databaseCaFile: config.database.ca_file ?? null,
      allowNewer: config.database.allow_newer,
      onDifference: (message) => events.emit('queue:warning', { message }),
    });
    await registerTemplates(queue, worker.templates, forceTemplates).catch(async (error: unknown) => {
      await queue.close();
      throw error;
    });
    const slots = worker.lanes * worker.in_flight_per_lane;
    const tapes = tapesOf(config, events);
    const policy = { grants, limits };
    const broker = createBroker({ queue, sandbox, catalog, policy, slots, events, ...(tapes && { tapes }) });
    broker.start();
    events.emit('broker:started', { namespace: worker.namespace, lanes: worker.lanes });
    return Object.freeze({
      config,
      broker,
      catalog,
      queue,
      get lanesReady() {
        return lanesReady.size;
      },
      async stop(options?: DrainOptions) {
        await broker.drain(options);
        await Promise.all([queue.close(), sandbox.close()]);
      },
    });
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

function cacheOf({ cache }: Config): HandlerCache | null {
  if (!cache.enabled) return null;
  return createHandlerCache({ maxBytes: cache.max_bytes, maxHandlers: cache.max_handlers });
}

function tapesOf({ tape }: Config, events: Events): Tapes | null {
  const { folder, rate, max_files: maxFiles } = tape;
  if (folder === undefined || rate === 0) return null;
  const onError = (error: unknown) => events.emit('tape:failed', { message: messageOf(error) });
  return createTapes({ folder, rate, maxFiles, onError });
}

async function registerTemplates(
  queue: TaskerQueue,
  paths: readonly string[],
  force: boolean,
): Promise<void> {
  for (const template of (await Promise.all(paths.map(readTemplates))).flat()) {
    const verdict = await queue.registerTemplate(template, { force });
    if (!verdict.allowed) throw new BrokerError(verdict.code, verdict.message);
  }
}

/** The built-in handlers and those of the configured folders, built where that is needed. */
export async function loadCatalog(config: Config, sandbox: Sandbox): Promise<Catalog> {
  const roots = [...(config.catalog.builtin ? [BUILTIN_FOLDER] : []), ...config.catalog.folders];
  const folders = (await Promise.all(roots.map(handlerFolders))).flat();
  await buildIfSourcesAreHere(folders);
  return createCatalog(await Promise.all(folders.map((folder) => loadHandler(folder, sandbox.admit))));
}
