import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type Config, loadConfig, processEnv } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import type { JsonValue } from '../model/json.ts';
import { parseOrThrow } from '../model/parse.ts';
import { WaitDecision, type WaitingStep } from '../model/step-request.ts';
import { type Database, openDatabase } from '../tasker/connection.ts';
import { databaseError } from '../tasker/database-error.ts';
import { decideWaiting, listWaiting } from '../tasker/waiting.ts';
import { formatMs, renderTable } from './render/table.ts';
import { requireDatabaseUrl } from './serve.ts';

/** `wasm-broker waiting`: the steps that wait for a person. Needs the database, and no running broker. */
export function waitingCommand(program: Command): void {
  program
    .command('waiting')
    .description('list the steps that wait for a decision')
    .option('--config <file>', 'configuration', 'broker.toml')
    .option('--json', 'print one JSON object')
    .action(async (options: { readonly config: string; readonly json?: boolean }) => {
      const waiting = await withDatabase(options.config, (database, { worker }) =>
        listWaiting(database.pool, worker.namespace),
      );
      process.stdout.write(options.json === true ? `${JSON.stringify({ waiting })}\n` : render(waiting));
    });
}

interface DecideOptions {
  readonly config: string;
  readonly by: string;
  readonly comment?: string;
  readonly data?: string;
}

/** `wasm-broker decide`: what a person decided about a step that waits. */
export function decideCommand(program: Command): void {
  program
    .command('decide')
    .description('approve or reject a step that waits')
    .argument('<step>', 'its id, as `wasm-broker waiting` shows it')
    .argument('<decision>', 'approve or reject')
    .requiredOption('--by <name>', 'who decided')
    .option('--comment <text>', 'why')
    .option('--data <file>', 'JSON that becomes part of the result')
    .option('--config <file>', 'configuration', 'broker.toml')
    .action(async (stepUuid: string, verb: string, options: DecideOptions) => {
      const decision = parseOrThrow(
        WaitDecision,
        {
          decision: { approve: 'approved', reject: 'rejected' }[verb],
          by: options.by,
          comment: options.comment ?? '',
          data: options.data === undefined ? null : await readData(options.data),
        },
        'ERR_USAGE',
        'decide',
      );
      await withDatabase(options.config, (database, { worker }) =>
        decideWaiting(database, { stepUuid, namespace: worker.namespace }, decision, Date.now()),
      );
      process.stdout.write(`step ${stepUuid} is ${decision.decision}\n`);
    });
}

async function withDatabase<Result>(
  file: string,
  use: (database: Database, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig({ file, env: processEnv() });
  const database = openDatabase(requireDatabaseUrl(config));
  try {
    return await use(database, config);
  } catch (error) {
    throw databaseError(error, database.name);
  } finally {
    await database.close();
  }
}

async function readData(file: string): Promise<JsonValue> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JsonValue;
  } catch (error) {
    throw new BrokerError('ERR_USAGE', `--data ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function render(waiting: readonly WaitingStep[]): string {
  if (waiting.length === 0) return 'no step waits\n';
  const nowMs = Date.now();
  const table = renderTable(
    ['step', 'name', 'task', 'waits for', 'time left', 'reason'],
    waiting.map((step) => [
      step.stepUuid,
      step.stepName,
      step.taskName,
      formatMs(nowMs - step.sinceMs),
      formatMs(Math.max(0, step.untilMs - nowMs)),
      printable(step.reason),
    ]),
  );
  return `${table}\n`;
}

/** untrusted: text of a guest on its way to a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
