import type { Command } from 'commander';
import { type AdminServer, startAdminServer } from '../admin/server.ts';
import { type Config, loadConfig, processEnv } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import { createEvents } from '../events.ts';
import { createLog, type Log, logEvents } from '../log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { adminPorts } from './admin-ports.ts';
import { stopSignal } from './stop-signal.ts';
import { startWorker, type Worker } from './worker.ts';

/** `wasm-broker serve`: the broker beside a Tasker, until it is told to stop. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description("run steps of one namespace from Tasker's database until SIGTERM")
    .option('--config <file>', 'configuration', 'broker.toml')
    .action(async (options: { readonly config: string }) => {
      const config = loadConfig({ file: options.config, env: processEnv() });
      const databaseUrl = requireDatabaseUrl(config);
      const log = createLog(config.log.level);
      const events = createEvents((error) => log.error({ error }, 'event listener failed'));
      logEvents(events, log);
      const metrics = createMetrics(events);
      const stopped = stopSignal();
      const worker = await startWorker({ config, databaseUrl, env: processEnv(), events });
      const admin = await openAdmin(config, worker, metrics);
      if (admin !== null) log.info({ url: admin.url }, 'admin server listens');
      process.on('SIGHUP', () => reload(options.config, worker, log));
      await stopped;
      const graceMs = config.worker.drain_grace_ms;
      log.info({ graceMs, inFlight: worker.broker.inFlight }, 'draining');
      await worker.stop({ graceMs });
      await admin?.close();
    });
}

/** Reads broker.toml again and applies what can change while steps run; a broken file changes nothing. */
function reload(file: string, worker: Worker, log: Log): void {
  try {
    const { worker: pool, limits } = loadConfig({ file, env: processEnv() });
    const { lanes, in_flight_per_lane, queue_depth, processes, memory_budget_mb } = pool;
    worker.configure({ lanes, in_flight_per_lane, queue_depth, processes, memory_budget_mb, limits });
  } catch (error) {
    log.error({ error: messageOf(error) }, 'settings not changed');
  }
}

/** The database of the configuration, or an error that says how to name one. */
export function requireDatabaseUrl(config: Config): string {
  const { url } = config.database;
  if (url !== undefined) return url;
  throw new BrokerError(
    'ERR_CONFIG_INVALID',
    'no database: set DATABASE_URL or [database] url in broker.toml',
  );
}

/** A broker without its admin server could not be probed, so it does not start without it either. */
async function openAdmin({ admin }: Config, worker: Worker, metrics: Metrics): Promise<AdminServer | null> {
  if (!admin.enabled) return null;
  try {
    const { host, port, token = null } = admin;
    return await startAdminServer({ host, port, token, ports: adminPorts(worker, metrics) });
  } catch (error) {
    await worker.stop({ graceMs: 0 });
    throw error;
  }
}
