import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { findPackageJSON } from 'node:module';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { BrokerError, type ErrorCode, messageOf } from '../../errors.ts';
import type { Limits } from '../../model/limits.ts';
import type { PreparedModule } from '../artifact.ts';
import type { AdmissionRequest } from './child.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { readReply } from './reply.ts';
import { residentBytes } from './resident-bytes.ts';

/** What one module may cost. */
export interface AdmissionLimits {
  /** From its request on, without the time for which the broker's own thread was held up. */
  readonly timeMs: number;
  /** Resident memory of the whole child; an idle one has about 60 MB. */
  readonly memoryBytes: number;
}

/** Largest metered module with its image. */
const REPLY_BYTES_MAX = 96 * 1024 * 1024;
const CHECK_MS = 20;
/** Times that a spare child runs the pipeline on each sample: then the engine has nothing left to compile in it. */
const WARM_UP_STEPS = 40;
/**
 * So much of one turn of this thread counts as time of the module: after a longer one the answer may lie in the pipe, and
 * timers come before it.
 */
const TURN_MS_MAX = 100;
/** The JavaScript heap; buffers and compiled code come on top and count for `memoryBytes`. */
const HEAP_MB = 256;

const CODE_FOLDER = fileURLToPath(new URL('../../', import.meta.url));
const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url),
);
/** Folders of jco and of its WASI; none where it is not installed. */
const TRANSPILER = transpilerFolders();
const FLAGS = [
  '--permission',
  ...[CODE_FOLDER, ...TRANSPILER.map((folder) => `${folder}/`)].map((path) => `--allow-fs-read=${path}`),
  `--max-old-space-size=${HEAP_MB}`,
  // Every function is compiled here once, by the baseline compiler, within the child's limits.
  '--no-wasm-lazy-compilation',
  '--liftoff-only',
  // On its one thread: waiting for helpers that a busy machine does not run took 4 ms of every other small module.
  '--wasm-num-compilation-tasks=0',
  '--disable-warning=ExperimentalWarning',
];

function transpilerFolders(): readonly string[] {
  try {
    const jco = findPackageJSON('@bytecodealliance/jco-transpile', import.meta.url);
    const wasi = jco && findPackageJSON('@bytecodealliance/preview2-shim', jco);
    return jco && wasi ? [dirname(jco), dirname(wasi)] : [];
  } catch {
    return [];
  }
}

interface Waiting {
  readonly resolve: (prepared: PreparedModule | null) => void;
  readonly reject: (error: BrokerError) => void;
}

/** One process that prepares one module at a time. */
export class AdmissionChild {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #reader = new FrameReader(REPLY_BYTES_MAX);
  readonly #limits: AdmissionLimits;
  #waiting: Waiting | null = null;
  /** Why it ended; null while it lives. */
  #lost: BrokerError | null = null;
  #warming: Promise<void> = Promise.resolve();
  /** Set by `ready`, and the end of the warm-up. */
  #wanted = false;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
    const process = spawn(globalThis.process.execPath, [...FLAGS, ENTRY, ...TRANSPILER], {
      env: {},
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#process = process;
    process.on('error', (error) => this.#end('ERR_ADMISSION_LOST', `cannot be started: ${error.message}`));
    process.on('exit', (code, signal) =>
      this.#end('ERR_ADMISSION_LOST', `ended with ${signal ?? `exit code ${code}`}`),
    );
    // Without a free file descriptor there are no pipes, whatever the types say; `error` comes later.
    if (process.pid === undefined) {
      this.#lost = new BrokerError('ERR_ADMISSION_LOST', 'the admission process cannot be started');
      return;
    }
    process.stdin.on('error', () => {});
    process.stdout.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    this.#hold(false);
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Has the child run its pipeline on modules of ours, so that its own code is compiled, until somebody waits for it. */
  warmUp(samples: readonly Uint8Array[], limits: Limits): void {
    this.#warming = this.#warm(samples, limits).catch(() => {});
  }

  /** Waits until it can be asked. False when it was lost before. */
  async ready(): Promise<boolean> {
    this.#wanted = true;
    this.#hold(true);
    await this.#warming;
    return !this.isLost;
  }

  /** Rejects with the refusal's code, or ERR_ADMISSION_TIME, ERR_ADMISSION_MEMORY, ERR_ADMISSION_LOST. */
  async prepare(bytes: Uint8Array, limits: Limits): Promise<PreparedModule> {
    this.#hold(true);
    try {
      const prepared = await this.#guarded(this.#ask({ limits, warmUp: false }, bytes));
      if (prepared === null) throw new BrokerError('ERR_ADMISSION_LOST', 'expected a module, got none');
      return prepared;
    } finally {
      this.#hold(false);
    }
  }

  end(): void {
    this.#lost ??= new BrokerError('ERR_ADMISSION_LOST', 'the admission process was ended');
    this.#process.kill('SIGKILL');
  }

  async #warm(samples: readonly Uint8Array[], limits: Limits): Promise<void> {
    for (let step = 0; step < WARM_UP_STEPS; step += 1) {
      for (const sample of samples) {
        if (this.#wanted) return;
        await this.#guarded(this.#ask({ limits, warmUp: true }, sample));
      }
    }
  }

  #ask(request: AdmissionRequest, bytes: Uint8Array): Promise<PreparedModule | null> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) return reject(this.#lost);
      this.#waiting = { resolve, reject };
      this.#process.stdin.write(encodeFrame(request, [bytes]));
    });
  }

  async #guarded<Value>(reply: Promise<Value>): Promise<Value> {
    const { timeMs, memoryBytes } = this.#limits;
    let [usedMs, lastMs] = [0, performance.now()];
    const check = setInterval(() => {
      const nowMs = performance.now();
      usedMs += Math.min(nowMs - lastMs, TURN_MS_MAX);
      lastMs = nowMs;
      if (usedMs > timeMs) this.#end('ERR_ADMISSION_TIME', `took longer than ${timeMs} ms for one module`);
      else if (residentBytes(this.#process.pid) > memoryBytes)
        this.#end('ERR_ADMISSION_MEMORY', `needed more than ${memoryBytes} bytes for one module`);
    }, CHECK_MS).unref();
    try {
      return await reply;
    } finally {
      clearInterval(check);
    }
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.#reader.read(chunk)) {
        const waiting = this.#waiting;
        this.#waiting = null;
        try {
          waiting?.resolve(readReply(frame));
        } catch (error) {
          waiting?.reject(error as BrokerError);
        }
      }
    } catch (error) {
      this.#end('ERR_ADMISSION_LOST', `sent what cannot be read: ${messageOf(error)}`);
    }
  }

  #end(code: ErrorCode, what: string): void {
    this.#lost ??= new BrokerError(code, `the admission process ${what}`);
    this.#waiting?.reject(this.#lost);
    this.#waiting = null;
    this.#process.kill('SIGKILL');
  }

  /** Only a child that is at work keeps this process alive. */
  #hold(yes: boolean): void {
    if (this.isLost) return;
    const handles = [this.#process, this.#process.stdin, this.#process.stdout] as unknown[];
    for (const handle of handles as { ref(): unknown; unref(): unknown }[]) {
      if (yes) handle.ref();
      else handle.unref();
    }
  }
}
