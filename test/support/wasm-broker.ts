import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/wasm-broker.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when its output, both streams together, matches. */
  until(pattern: RegExp): Promise<void>;
  /** The first group of `pattern`, once the output matches. */
  find(pattern: RegExp): Promise<string>;
}

/** Starts the command line as a process of its own, as a user does. */
export function startWasmBroker(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): RunningCommand {
  const { DATABASE_URL: _ours, ...inherited } = process.env;
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd,
    env: { ...inherited, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  const grown = () => {
    for (const check of [...waiting]) check();
  };
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
    grown();
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
    grown();
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  const until = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!pattern.test(stdout + stderr)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      void ended.then(() => reject(new Error(`ended before ${pattern} appeared:\n${stdout}${stderr}`)));
      check();
    });
  const find = async (pattern: RegExp): Promise<string> => {
    await until(pattern);
    return pattern.exec(stdout + stderr)?.[1] ?? '';
  };
  return { child, ended, until, find };
}

/** Runs the command line to its end. */
export function wasmBroker(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  return startWasmBroker(args, options).ended;
}
