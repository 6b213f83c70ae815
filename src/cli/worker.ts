import { type Broker, createBroker, type DrainOptions } from '../broker/broker.ts';
import { loadHandlers } from '../broker/load-handlers.ts';
import type { Policy } from '../broker/policy.ts';
import { createTapes, type Tapes } from '../broker/tapes.ts';
import { type Catalog, createCatalog } from '../catalog/catalog.ts';
import { BUILTIN_FOLDER, handlerFolders } from '../catalog/load.ts';
import type { Config } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import type { Events } from '../events.ts';
import { createHandlerCache, type HandlerCache } from '../host/cache/handler-cache.ts';
import { createHttpClient } from '../host/egress/http-client.ts';
import { COMPONENT_ABI } from '../model/abi.ts';
import type { LiveSettings } from '../model/settings.ts';
import { createSandbox, type Sandbox, type SandboxSettings } from '../sandbox/sandbox.ts';
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
  readonly sandbox: Sandbox;
  /** Changes settings while steps run. Throws ERR_CONFIG_INVALID for those that cannot be. */
  configure(settings: LiveSettings): void;
  /** Drains, then closes sandbox and database connections. */
  stop(options?: DrainOptions): Promise<void>;
}

/** Wires a broker as a worker of one Tasker namespace: catalog, sandbox, queue, broker; `serve` and `demo` share it. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { config, databaseUrl, env, events, forceTemplates = false } = options;
  const { worker, limits, grants, isolation } = config;
  const http = createHttpClient();
  const cache = cacheOf(config);
  const sandbox = createSandbox({
    ...sandboxSettings({ ...worker, limits }),
    tier: (handler, abi) =>
      (Object.hasOwn(isolation.handlers, handler) ? isolation.handlers[handler] : null) ??
      (abi === COMPONENT_ABI ? isolation.components : isolation.tier),
    recycleAfter: isolation.recycle_after,
    firstUid: isolation.first_uid === 0 ? null : isolation.first_uid,
    host: { http, secrets: secretsOf(config, env, http), ...(cache !== null && { cache }) },
    onLaneReady: (lane) => events.emit('lane:ready', { lane }),
    onLaneLost: (lane, reason) => events.emit('lane:lost', { lane, reason }),
    onQuarantined: (digest, handler) => events.emit('handler:quarantined', { handler, digest }),
  });
  try {
    const catalog = await loadCatalog(config, sandbox, events);
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
    const policy: Policy = {
      grants,
      get limits() {
        return sandbox.limits;
      },
    };
    const slots = () => sandbox.capacity;
    const tapes = tapesOf(config, events);
    const broker = createBroker({ queue, sandbox, catalog, policy, slots, events, ...(tapes && { tapes }) });
    broker.start();
    events.emit('broker:started', { namespace: worker.namespace, lanes: worker.lanes });
    return Object.freeze({
      config,
      broker,
      catalog,
      queue,
      sandbox,
      configure(settings: LiveSettings) {
        sandbox.configure(sandboxSettings(settings));
        events.emit('broker:configured', sandbox.status);
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

const MB = 1024 * 1024;

function sandboxSettings(settings: LiveSettings): SandboxSettings {
  const { lanes, in_flight_per_lane, queue_depth, processes, memory_budget_mb, limits } = settings;
  return {
    ...(lanes !== undefined && { lanes }),
    ...(in_flight_per_lane !== undefined && { inFlightPerLane: in_flight_per_lane }),
    ...(queue_depth !== undefined && { queueDepth: queue_depth }),
    ...(processes !== undefined && { processes }),
    ...(memory_budget_mb !== undefined && { memoryBudgetBytes: memory_budget_mb * MB }),
    ...(limits !== undefined && { limits }),
  };
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
export async function loadCatalog(config: Config, sandbox: Sandbox, events: Events): Promise<Catalog> {
  const roots = [...(config.catalog.builtin ? [BUILTIN_FOLDER] : []), ...config.catalog.folders];
  const folders = (await Promise.all(roots.map(handlerFolders))).flat();
  await buildIfSourcesAreHere(folders);
  return createCatalog(await loadHandlers(folders, sandbox.admit, events));
}
