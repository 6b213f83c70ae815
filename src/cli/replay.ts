import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Artifact } from '../catalog/artifact.ts';
import { loadHandler } from '../catalog/load.ts';
import { processEnv } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import { createSecretSource, type SecretSource } from '../host/secrets/secret-source.ts';
import type { Tape } from '../model/tape.ts';
import { createSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { readTape } from '../sandbox/tape/file.ts';
import { type Replayed, replay } from '../sandbox/tape/replay.ts';
import { findHandlerFolder } from './handler-folder.ts';

interface ReplayOptions {
  readonly module?: string;
  readonly json?: boolean;
}

/** `wasm-broker replay`: a recorded invocation again, without network, database or secrets. */
export function replayCommand(program: Command): void {
  program
    .command('replay')
    .description('run a recorded invocation again offline and compare output and fuel')
    .argument('<tape>', 'file that `run --tape` or [tape] in broker.toml wrote')
    .option(
      '--module <module>',
      'FILE.wasm or folder of the handler; default the catalog handler of that name',
    )
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: ReplayOptions) => {
      const replayed = await replayFile(file, options);
      const text = options.json === true ? JSON.stringify(replayed) : sentenceOf(replayed);
      process.stdout.write(`${text}\n`);
      process.exitCode = replayed.verdict === 'equal' ? 0 : 1;
    });
}

async function replayFile(file: string, { module }: ReplayOptions): Promise<Replayed> {
  const tape = await readTape(file);
  const sandbox = createSandbox({ limits: tape.limits });
  try {
    return await replay(sandbox, await artifactOf(tape, module, sandbox), tape, secretsOf(tape));
  } finally {
    await sandbox.close();
  }
}

async function artifactOf(tape: Tape, module: string | undefined, sandbox: Sandbox): Promise<Artifact> {
  if (module?.endsWith('.wasm') === true) {
    return sandbox.admit(
      await readFile(module).catch((error: unknown) => {
        throw new BrokerError('ERR_USAGE', messageOf(error), { cause: error });
      }),
    );
  }
  const handler = module ?? tape.handler?.split('@')[0];
  if (handler === undefined) {
    throw new BrokerError(
      'ERR_USAGE',
      `the tape is of a module without a manifest (${tape.digest}); pass --module FILE.wasm`,
    );
  }
  return (await loadHandler(await findHandlerFolder(handler), sandbox.admit)).artifact;
}

/** What the guest itself had read, from variables of those names. */
function secretsOf({ calls }: Tape): SecretSource {
  const names = calls.flatMap(({ secret }) => (secret === null ? [] : [secret]));
  return createSecretSource(Object.fromEntries(names.map((name) => [name, { env: name }])), processEnv());
}

function sentenceOf(replayed: Replayed): string {
  switch (replayed.verdict) {
    case 'equal':
      return 'equal: the same calls, output and fuel';
    case 'diverged':
      return `diverged at ${replayed.at}: expected ${replayed.expected}, got ${replayed.got}`;
    case 'not_comparable':
      return `not comparable: ${replayed.why}`;
  }
}
