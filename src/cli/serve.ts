import type { Command } from 'commander';
import { loadConfig, processEnv } from '../config.ts';
import { BrokerError } from '../errors.ts';
import { createEvents } from '../events.ts';
import { createLog, logEvents } from '../log.ts';
import { startWorker } from './worker.ts';

/** `wasm-broker serve`: the broker beside a Tasker, until it is told to stop. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description("run steps of one namespace from Tasker's database until SIGTERM")
    .option('--config <file>', 'configuration', 'broker.toml')
    .action(async (options: { readonly config: string }) => {
      const config = loadConfig({ file: options.config, env: processEnv() });
      const { url } = config.database;
      if (url === undefined) {
        throw new BrokerError(
          'ERR_CONFIG_INVALID',
          'no database: set DATABASE_URL or [database] url in broker.toml',
        );
      }
      const log = createLog(config.log.level);
      const events = createEvents((error) => log.error({ error }, 'event listener failed'));
      logEvents(events, log);
      const worker = await startWorker({ config, databaseUrl: url, env: processEnv(), events });
      await stopSignal();
      log.info('draining');
      await worker.stop();
    });
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = () => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
