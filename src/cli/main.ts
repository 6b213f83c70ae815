import { Command, CommanderError } from 'commander';
import { isBrokerError, messageOf } from '../errors.ts';
import { attackCommand } from './attack.ts';
import { buildCommand } from './build.ts';
import { cancelCommand } from './cancel.ts';
import { checkCommand } from './check.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { grantsCommand } from './grants.ts';
import { inspectCommand } from './inspect.ts';
import { meterCommand } from './meter.ts';
import { quarantineCommand } from './quarantine.ts';
import { replayCommand } from './replay.ts';
import { retryCommand } from './retry.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';
import { standaloneCommand } from './standalone.ts';
import { submitCommand } from './submit.ts';
import { taskCommand } from './task.ts';
import { tasksCommand } from './tasks.ts';
import { packageVersion } from './version.ts';
import { decideCommand, waitingCommand } from './waiting.ts';

/** Exit codes: 0 all went as expected, 1 it did not, 2 wrong use or configuration. */
const EXIT_USAGE = 2;

const COMMANDS = [
  demoCommand,
  serveCommand,
  standaloneCommand,
  submitCommand,
  tasksCommand,
  taskCommand,
  cancelCommand,
  retryCommand,
  waitingCommand,
  decideCommand,
  quarantineCommand,
  runCommand,
  replayCommand,
  buildCommand,
  inspectCommand,
  meterCommand,
  checkCommand,
  doctorCommand,
  grantsCommand,
  attackCommand,
];

/** The command line. Wires the commands; each has its own file. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('wasm-broker')
    .description('Runs Tasker workflow steps in metered WebAssembly sandboxes.')
    .version(packageVersion())
    .exitOverride();
  for (const add of COMMANDS) add(program);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  process.stderr.write(
    isBrokerError(error) ? `${error.code}: ${error.message}\n` : `ERR_INTERNAL: ${stackOf(error)}\n`,
  );
  return isBrokerError(error) ? EXIT_USAGE : 1;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}
