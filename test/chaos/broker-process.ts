import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ChildReport, ChildSettings } from './child-protocol.ts';

/** Brokers are started often, and from the same sources: most of a start is compiling them. */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/chaos', import.meta.url));
const CHILD = fileURLToPath(new URL('./broker-child.ts', import.meta.url));

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to its standard error. */
  readonly stderr: string;
}

/** One broker, as a process. */
export interface BrokerProcess {
  readonly pid: number;
  /** Resolves when it claims steps; never when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has begun to drain, or has ended. */
  drain(): Promise<void>;
  /** Ends every worker thread; resolves when they are gone. */
  killLanes(): Promise<void>;
}

/** `mark` is in the environment of the process and of everything it starts. */
export function startBrokerProcess(settings: ChildSettings, mark: string): BrokerProcess {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(settings)], {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, CHAOS_RUN: mark },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const exited = new Promise<Exit>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, stderr })),
  );
  return {
    pid: child.pid ?? 0,
    ready: reported(child, 'ready'),
    exited,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async drain() {
      const draining = reported(child, 'draining');
      child.kill('SIGTERM');
      await Promise.race([draining, exited]);
    },
    async killLanes() {
      const killed = reported(child, 'lanes killed');
      child.send({ type: 'kill lanes' });
      await Promise.race([killed, exited]);
    },
  };
}

function reported(child: ChildProcess, type: ChildReport['type']): Promise<void> {
  return new Promise((resolve) => {
    const onMessage = (message: ChildReport) => {
      if (message.type !== type) return;
      child.off('message', onMessage);
      resolve();
    };
    child.on('message', onMessage);
  });
}
