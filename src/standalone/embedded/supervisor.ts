/**
 * A small process between the broker and PostgreSQL: it starts one command and stops it when its standard input ends,
 * which happens when the broker asks for it and equally when the broker is killed with SIGKILL. It runs in a session of
 * its own, so that Ctrl-C in the terminal reaches the broker only.
 *
 * The first line of standard input is a `SupervisedCommand` as JSON. The exit code is the command's.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What to run, and how to stop it. */
export interface SupervisedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Sent in this order, each after the time from the request to stop. */
  readonly stopSignals: readonly { readonly signal: NodeJS.Signals; readonly afterMs: number }[];
}

const START_FAILED = 127;
const KILLED = 137;

function run(line: string): () => void {
  const supervised = JSON.parse(line) as SupervisedCommand;
  const { command, args, cwd, env, uid, gid } = supervised;
  const child = spawn(command, [...args], {
    cwd,
    env: { ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(START_FAILED);
  });
  child.on('exit', (code) => process.exit(code ?? KILLED));
  let stopping = false;
  return () => {
    if (stopping) return;
    stopping = true;
    for (const { signal, afterMs } of supervised.stopSignals) setTimeout(() => child.kill(signal), afterMs);
  };
}

let stop = (): void => process.exit(0);
const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => {
  stop = run(line);
});
lines.once('close', () => stop());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop());
