import { BrokerError } from '../../errors.ts';
import { ABORTED, type Job } from './job.ts';
import { LanePool, type LanePoolOptions } from './lane-pool.ts';

export interface ProcessPoolsOptions {
  /** Processes at a time; one for each digest that has something to do. */
  readonly processes: number;
  readonly pool: Omit<LanePoolOptions, 'lanes' | 'onIdle'>;
}

/**
 * Pools of one process for each trust group, which is one module digest: what takes over a process has its own kind for
 * company. They start when there is something to run; when there are as many as may be, the one idle for longest makes
 * room, and until one is idle, jobs wait.
 */
export class ProcessPools {
  readonly #options: ProcessPoolsOptions;
  /** By digest, the one used last at the end. */
  readonly #pools = new Map<string, LanePool>();
  readonly #ending = new Set<Promise<void>>();
  #waiting: Job[] = [];
  #processes: number;
  #slotsPerLane: number;
  #closing = false;
  #idle: (() => void) | null = null;

  constructor(options: ProcessPoolsOptions) {
    this.#options = options;
    this.#processes = options.processes;
    this.#slotsPerLane = options.pool.slotsPerLane;
  }

  get pending(): number {
    let pending = this.#waiting.length;
    for (const pool of this.#pools.values()) pending += pool.pending;
    return pending;
  }

  submit(job: Job): void {
    if (this.#closing) throw new BrokerError('ERR_ABORTED', 'the sandbox is closed');
    this.#waiting.push(job);
    this.dispatch();
  }

  cancel(job: Job): void {
    const place = this.#waiting.indexOf(job);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      job.done({ verdict: ABORTED, wallMs: 0 });
    } else for (const pool of this.#pools.values()) pool.cancel(job);
  }

  configure({
    slotsPerLane,
    processes,
  }: {
    readonly slotsPerLane: number;
    readonly processes: number;
  }): void {
    this.#slotsPerLane = slotsPerLane;
    this.#processes = processes;
    for (const pool of this.#pools.values()) pool.configure({ slotsPerLane });
    this.dispatch();
  }

  kill(reason: string): boolean {
    const [busiest] = [...this.#pools.values()].sort((a, b) => b.pending - a.pending);
    return busiest?.kill(reason) ?? false;
  }

  /** Waits for what runs, then ends every process. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    for (const digest of [...this.#pools.keys()]) this.#end(digest);
    await Promise.all(this.#ending);
  }

  /** Gives waiting jobs to the pools of their digests, in order for each of them. */
  dispatch(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const job of waiting) {
      const pool = this.#poolOf(job.artifact.digest);
      if (pool === null) this.#waiting.push(job);
      else pool.submit(job);
    }
    for (const pool of this.#pools.values()) pool.dispatch();
    if (this.#waiting.length === 0) this.#idle?.();
  }

  #poolOf(digest: string): LanePool | null {
    const known = this.#pools.get(digest);
    if (known === undefined && !this.#makeRoom()) return null;
    const { pool: options } = this.#options;
    const pool =
      known ??
      new LanePool({
        ...options,
        slotsPerLane: this.#slotsPerLane,
        lanes: 1,
        onIdle: () => this.#becameIdle(),
      });
    this.#pools.delete(digest);
    this.#pools.set(digest, pool);
    return pool;
  }

  #becameIdle(): void {
    if (this.#waiting.length > 0) queueMicrotask(() => this.dispatch());
  }

  #makeRoom(): boolean {
    if (this.#pools.size < this.#processes) return true;
    for (const [digest, pool] of this.#pools) {
      if (pool.pending > 0) continue;
      this.#end(digest);
      return true;
    }
    return false;
  }

  #end(digest: string): void {
    const pool = this.#pools.get(digest);
    if (pool === undefined) return;
    this.#pools.delete(digest);
    const ended = pool.close().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}
