import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BrokerError } from '../../errors.ts';
import type { Limits } from '../../model/limits.ts';
import type { PreparedModule } from '../artifact.ts';
import { BUILTIN_FOLDER } from '../load.ts';
import { AdmissionChild, type AdmissionLimits } from './admission-child.ts';
import { MODULE_BYTES_MAX } from './module-bytes-max.ts';

export const DEFAULT_ADMISSION_LIMITS: AdmissionLimits = Object.freeze({
  timeMs: 20_000,
  memoryBytes: 1024 * 1024 * 1024,
});

/**
 * A child that has done its work is ended so much later. To take a process with 100 MB apart keeps a core busy for some
 * milliseconds, in which the broker compiles what came of it and runs it: on two cores every other first result was 4 ms
 * later for it.
 */
const END_AFTER_MS = 100;

/** A spare child is started when admission was idle for so long: a short command ends before. */
const SPARE_AFTER_MS = 250;

/** Modules of ours, which are no danger to the child; not of one kind alone, or the first other one is compiled for anew. */
const SAMPLES = ['decide', 'transform', 'validate'].map((name) => join(BUILTIN_FOLDER, name, 'handler.wasm'));

interface Request {
  readonly bytes: Uint8Array;
  readonly resolve: (prepared: PreparedModule) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Prepares modules in a child process, one after another. Modules that wait at the same time share a child, which takes
 * no more behind the last of them: what a module may have done to it cannot reach one that comes later. A spare child
 * stands ready for the next.
 */
export class Admission {
  readonly #limits: Limits;
  readonly #bounds: AdmissionLimits;
  readonly #waiting: Request[] = [];
  #atWork: AdmissionChild | null = null;
  #spare: AdmissionChild | null = null;
  #spareTimer: NodeJS.Timeout | null = null;
  /** Children that have done their work, and when they end. */
  readonly #done = new Map<AdmissionChild, NodeJS.Timeout>();
  #closed = false;

  constructor(limits: Limits, bounds: AdmissionLimits = DEFAULT_ADMISSION_LIMITS) {
    this.#limits = limits;
    this.#bounds = bounds;
  }

  /** Rejects with a `BrokerError`: a refusal of the pipeline, or ERR_ADMISSION_…. */
  prepare(bytes: Uint8Array): Promise<PreparedModule> {
    if (bytes.byteLength > MODULE_BYTES_MAX) return Promise.reject(tooLarge(bytes));
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      if (this.#atWork === null) void this.#work();
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#spareTimer !== null) clearTimeout(this.#spareTimer);
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
    this.#atWork?.end();
    this.#spare?.end();
    for (const child of this.#done.keys()) this.#end(child);
  }

  async #work(): Promise<void> {
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      try {
        const child = await this.#ready();
        request.resolve(await child.prepare(request.bytes, this.#limits));
      } catch (error) {
        request.reject(error);
      }
    }
    const child = this.#atWork;
    this.#atWork = null;
    if (child !== null) this.#endLater(child);
    this.#prepareSpare();
  }

  #endLater(child: AdmissionChild): void {
    if (this.#closed) child.end();
    else this.#done.set(child, setTimeout(() => this.#end(child), END_AFTER_MS).unref());
  }

  #end(child: AdmissionChild): void {
    clearTimeout(this.#done.get(child));
    this.#done.delete(child);
    child.end();
  }

  /** A child that was lost before it was given a module is nobody's fault: another one takes its place. */
  async #ready(): Promise<AdmissionChild> {
    const child = this.#child();
    if (await child.ready()) return child;
    return this.#closed ? child : this.#child();
  }

  #child(): AdmissionChild {
    if (this.#atWork !== null && !this.#atWork.isLost) return this.#atWork;
    const spare = this.#spare;
    this.#spare = null;
    this.#atWork = spare === null || spare.isLost ? new AdmissionChild(this.#bounds) : spare;
    return this.#atWork;
  }

  #prepareSpare(): void {
    if (this.#spareTimer !== null) clearTimeout(this.#spareTimer);
    this.#spareTimer = setTimeout(() => {
      if (this.#closed || this.#atWork !== null || this.#spare?.isLost === false) return;
      // Whatever is short, files or memory: whoever needs a child tries again.
      this.#startSpare().catch(() => {});
    }, SPARE_AFTER_MS).unref();
  }

  async #startSpare(): Promise<void> {
    const spare = new AdmissionChild(this.#bounds);
    this.#spare = spare;
    const samples = await Promise.all(SAMPLES.map((path) => readFile(path)));
    if (this.#spare === spare) spare.warmUp(samples, this.#limits);
  }
}

function closed(): BrokerError {
  return new BrokerError('ERR_ADMISSION_LOST', 'admission is closed');
}

function tooLarge({ byteLength }: Uint8Array): BrokerError {
  return new BrokerError(
    'ERR_MODULE_TOO_LARGE',
    `a module of ${byteLength} bytes; admission takes at most ${MODULE_BYTES_MAX}`,
  );
}
