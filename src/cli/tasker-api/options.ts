import type { Command } from 'commander';
import { processEnv } from '../../config.ts';
import { BrokerError } from '../../errors.ts';
import { createTaskerApi, type TaskerApi } from './client.ts';

/** Where Tasker's server listens unless it is told otherwise. */
const DEFAULT_URL = 'http://127.0.0.1:8080';

/** What every command that speaks Tasker's REST API takes. */
export interface ApiOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** Adds `--url` and `--json` to a command. */
export function withApiOptions(command: Command): Command {
  return command
    .option('--url <url>', `Tasker's REST API; default TASKER_URL, else ${DEFAULT_URL}`)
    .option('--json', 'print what Tasker answered as one JSON value');
}

/** @throws BrokerError ERR_USAGE when the address is no http URL */
export function openApi({ url }: ApiOptions): TaskerApi {
  const env = processEnv();
  const given = url ?? env['TASKER_URL'] ?? DEFAULT_URL;
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    throw new BrokerError('ERR_USAGE', `--url or TASKER_URL: expected http://HOST:PORT, got "${given}"`);
  }
  const apiKey = env['TASKER_API_KEY'];
  return createTaskerApi({ url: given, ...(apiKey !== undefined && { apiKey }) });
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
