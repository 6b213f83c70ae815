import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SupervisedCommand } from './supervisor.ts';

/** A command that dies with this process. */
export interface Supervised {
  /** Resolves to the exit code of the command. Never rejects. */
  readonly exited: Promise<number>;
  /** Asks the command to stop and waits until it has. Idempotent. */
  stop(): Promise<void>;
}

// The same file is TypeScript in a checkout and JavaScript in the installed package.
const SUPERVISOR = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './supervisor.ts' : './supervisor.js', import.meta.url),
);

/**
 * Runs a command under the supervisor process.
 *
 * @param logFile receives the output of the command; truncated first
 * @param onSupervisor is called with the supervisor's pid before the command is started
 */
export function supervise(
  command: SupervisedCommand,
  logFile: string,
  onSupervisor: (pid: number) => void,
): Supervised {
  const log = openSync(logFile, 'w', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [SUPERVISOR], {
      cwd: '/',
      detached: true,
      env: {},
      stdio: ['pipe', log, log],
    });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<number>((resolve) => {
    child.once('error', () => resolve(-1));
    child.once('exit', (code) => resolve(code ?? -1));
  });
  const { stdin, pid } = child;
  if (pid !== undefined && stdin !== null) {
    stdin.on('error', () => undefined); // the supervisor died first: `exited` tells
    onSupervisor(pid);
    stdin.write(`${JSON.stringify(command)}\n`);
  }
  return {
    exited,
    async stop() {
      stdin?.end();
      await exited;
    },
  };
}
