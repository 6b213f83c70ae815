import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Artifact } from '../catalog/artifact.ts';
import type { ConfigCheck } from '../catalog/config-schema.ts';
import { loadHandler } from '../catalog/load.ts';
import { withSourceMap } from '../catalog/source-map.ts';
import { processEnv } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import { createHandlerCache } from '../host/cache/handler-cache.ts';
import { createHttpClient } from '../host/egress/http-client.ts';
import { createSecretSource } from '../host/secrets/secret-source.ts';
import { effectiveGrants } from '../model/attenuate.ts';
import { type Grant, type Grants, grantsOf } from '../model/grant.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { completeLimits, type Limits } from '../model/limits.ts';
import type { Outcome } from '../model/outcome.ts';
import { resolveReferences } from '../model/references.ts';
import { secretMarkOf } from '../model/secret-mark.ts';
import type { Tape } from '../model/tape.ts';
import { createSandbox } from '../sandbox/sandbox.ts';
import { writeTape } from '../sandbox/tape/file.ts';
import { GRANT_FORMS, parseGrantOption } from './grant-option.ts';
import { findHandlerFolder } from './handler-folder.ts';
import { formatBytes, formatCount, formatMs } from './render/table.ts';

interface RunOptions {
  readonly input: string;
  readonly config?: string;
  readonly grant: Grant[];
  readonly fuel?: number;
  readonly memoryPages?: number;
  readonly tape?: string;
  readonly json?: boolean;
}

/** `wasm-broker run`: one invocation, without a database. */
export function runCommand(program: Command): void {
  program
    .command('run')
    .description('run one invocation of a module or a catalog handler; needs no database')
    .argument('<module>', 'FILE.wasm, a folder with a handler, or the name of a catalog handler')
    .requiredOption('--input <file>', 'input document (JSON); - for standard input')
    .option('--config <file>', "the handler's configuration (JSON object)")
    .option('--grant <grant>', `what it may do, may be repeated: ${GRANT_FORMS}`, collectGrant, [])
    .option('--fuel <units>', 'limit of metered units', positiveInteger)
    .option('--memory-pages <pages>', 'limit of 64 KiB pages', positiveInteger)
    .option('--tape <file>', 'write all that is needed to replay the invocation')
    .option('--json', 'print one JSON object with outcome, output and receipt')
    .action(async (module: string, options: RunOptions) => {
      const { outcome, logs } = await runOnce(module, options);
      process.stdout.write(options.json === true ? jsonReport(outcome, logs) : textReport(outcome, logs));
      process.exitCode = outcome.kind === 'completed' ? 0 : 1;
    });
}

interface LogLine {
  readonly level: string;
  readonly message: string;
}

/** Empty at the start and gone at the end, but a handler that uses one runs. */
const RUN_CACHE = Object.freeze({ maxBytes: 1024 * 1024, maxHandlers: 1 });

async function runOnce(
  module: string,
  options: RunOptions,
): Promise<{ outcome: Outcome; logs: readonly LogLine[] }> {
  const limits = limitsOf(options);
  const secretNames = [
    ...grantsOf(options.grant, 'secret'),
    ...grantsOf(options.grant, 'secret_read'),
  ].flatMap(({ names }) => names);
  const sandbox = createSandbox({
    limits,
    host: {
      http: createHttpClient(),
      cache: createHandlerCache(RUN_CACHE),
      secrets: createSecretSource(
        Object.fromEntries(secretNames.map((name) => [name, { env: name }])),
        processEnv(),
      ),
    },
  });
  try {
    const { artifact, grants, checkConfig } = await prepare(module, options.grant, sandbox.admit);
    const logs: LogLine[] = [];
    const tapes: Tape[] = [];
    const secretMark = secretMarkOf(randomUUID());
    const config = resolveConfig(await readConfig(options.config), secretMark);
    const checked = await checkConfig(config);
    if (!checked.allowed) throw new BrokerError(checked.code, checked.message);
    const outcome = await sandbox.execute(artifact, {
      input: await readFile(options.input === '-' ? '/dev/stdin' : options.input).catch(unreadable),
      config,
      grants,
      secretMark,
      onLog: (level, message) => logs.push({ level, message }),
      ...(options.tape !== undefined && { onTape: (recorded) => tapes.push(recorded) }),
    });
    for (const tape of tapes) await writeTape(options.tape ?? '', tape);
    return { outcome, logs };
  } finally {
    await sandbox.close();
  }
}

interface Prepared {
  readonly artifact: Artifact;
  readonly grants: Grants;
  readonly checkConfig: ConfigCheck;
}

/** A catalog handler keeps to its manifest and the schema of its configuration; a bare module has neither. */
async function prepare(
  module: string,
  granted: Grants,
  admit: (bytes: Uint8Array, manifest?: unknown) => Promise<Artifact>,
): Promise<Prepared> {
  if (module.endsWith('.wasm')) {
    const artifact = await withSourceMap(
      await admit(await readFile(module).catch(unreadable)),
      `${module}.map`,
    );
    return { artifact, grants: granted, checkConfig: async () => ({ allowed: true }) };
  }
  const { artifact, checkConfig } = await loadHandler(await findHandlerFolder(module), admit);
  return { artifact, grants: effectiveGrants(artifact.manifest?.capabilities ?? [], granted), checkConfig };
}

async function readConfig(file: string | undefined): Promise<JsonObject> {
  if (file === undefined) return {};
  if (!existsSync(file)) throw new BrokerError('ERR_USAGE', `--config ${file}: no such file`);
  const text = await readFile(file, 'utf8').catch(unreadable);
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw new BrokerError('ERR_INPUT_INVALID', `--config ${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new BrokerError('ERR_INPUT_INVALID', `--config ${file}: expected a JSON object`);
}

/** Without a task only secrets can be referred to. */
function resolveConfig(config: JsonObject, secretMark: string): JsonObject {
  const resolved = resolveReferences(config, { context: {}, steps: {}, secretMark });
  if (!resolved.allowed) throw new BrokerError(resolved.code, `--config: ${resolved.message}`);
  return isJsonObject(resolved.value) ? resolved.value : {};
}

function limitsOf({ fuel, memoryPages }: RunOptions): Limits {
  return completeLimits({
    ...(fuel !== undefined && { fuel }),
    ...(memoryPages !== undefined && { memory_pages: memoryPages }),
  });
}

function unreadable(error: unknown): never {
  throw new BrokerError('ERR_USAGE', messageOf(error), { cause: error });
}

function collectGrant(text: string, earlier: readonly Grant[]): Grant[] {
  return [...earlier, parseGrantOption(text)];
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0');
}

function jsonReport(outcome: Outcome, logs: readonly LogLine[]): string {
  const { receipt, usage: _usage, kind, ...rest } = outcome;
  const output = kind === 'completed' ? JSON.parse((rest as { output: string }).output) : null;
  const error = kind === 'completed' ? null : rest;
  return `${JSON.stringify({ outcome: kind, output, error, logs, receipt })}\n`;
}

function textReport(outcome: Outcome, logs: readonly LogLine[]): string {
  const { usage, receipt } = outcome;
  const lines = [
    ...logs.map(({ level, message }) => `log ${level}: ${printable(message)}`),
    headline(outcome),
    ...(outcome.kind === 'trapped' ? outcome.stack.map((frame) => `  at ${printable(frame)}`) : []),
    '',
    `receipt   ${receipt.handler ?? '(no manifest)'}  ${receipt.digest}`,
    `fuel      ${formatCount(usage.fuel)}${usage.fuelExact ? '' : ' (at least)'} of ${formatCount(receipt.limits.fuel)}`,
    `memory    ${formatBytes(usage.peakMemoryBytes)} of ${formatBytes(receipt.limits.memory_pages * 65536)}`,
    `calls     ${usage.hostCalls} (${receipt.denials} refused)`,
    `time      ${formatMs(usage.wallMs)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function headline(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'completed':
      return outcome.output;
    case 'yielded':
      return `yielded at a checkpoint: ${JSON.stringify(outcome.checkpoint)}`;
    case 'waiting':
      return `waits for a person: ${printable(outcome.wait.reason)}`;
    default:
      return `${outcome.kind} ${outcome.code}: ${printable(outcome.message)}`;
  }
}

/** untrusted: text of a guest on its way to a terminal; control characters are shown, not sent. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
