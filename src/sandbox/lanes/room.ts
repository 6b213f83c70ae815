import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';
import type { Job } from './job.ts';

/** Part of the memory that the machine or the cgroup gives which guests may have by default. */
const DEFAULT_SHARE = 0.6;
/**
 * Memories alive at a time. Each reserves 8 GiB of address space: Node 26 refuses more than 16,110 in one process, and
 * the lanes keep some for later use.
 */
const MEMORIES_MAX = 12_000;
const PAGE_BYTES = 65_536;
/** Modules whose use is remembered. */
const DIGESTS_MAX = 10_000;

/** What guests may use together by default: a part of the cgroup's limit, or of the machine's memory. */
export function defaultMemoryBudgetBytes(): number {
  const limit = constrainedMemory();
  return Math.floor(Math.min(limit > 0 ? limit : Number.POSITIVE_INFINITY, totalmem()) * DEFAULT_SHARE);
}

/**
 * Room for guests, shared by every lane of a sandbox. A guest is counted with the pages that its module committed at most
 * of late, which is learned from what ran, and at least with its minimum. Nobody is refused: who finds no room waits.
 */
export class Room {
  budgetBytes: number;
  #committedBytes = 0;
  #memories = 0;
  #short = false;
  readonly #usual = new Map<string, number>();

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  get committedBytes(): number {
    return this.#committedBytes;
  }

  get memories(): number {
    return this.#memories;
  }

  /** True when a guest did not fit and nothing was given back since. */
  get isShort(): boolean {
    return this.#short && this.#memories > 0;
  }

  /** True when `job` fits. One guest always does: otherwise it would wait for ever. */
  fits(job: Job): boolean {
    if (this.#memories === 0) return true;
    const bytes = this.#committedBytes + this.#expectedBytes(job);
    const fits = this.#memories + memoriesOf(job) <= MEMORIES_MAX && bytes <= this.budgetBytes;
    this.#short = !fits;
    return fits;
  }

  take(job: Job): void {
    const bytes = this.#expectedBytes(job);
    job.roomBytes = bytes;
    this.#committedBytes += bytes;
    this.#memories += memoriesOf(job);
  }

  /** Gives back what `job` took; `peakBytes` is what it turned out to need, null when nobody knows. */
  giveBack(job: Job, peakBytes: number | null): void {
    const bytes = job.roomBytes;
    if (bytes === null) return;
    job.roomBytes = null;
    this.#committedBytes -= bytes;
    this.#memories -= memoriesOf(job);
    this.#short = false;
    if (peakBytes !== null) this.#learn(job.artifact.digest, peakBytes);
  }

  #expectedBytes({ artifact, authority }: Job): number {
    const least = artifact.memoryMinPages * PAGE_BYTES;
    const most = authority.limits.memory_pages * PAGE_BYTES;
    return Math.min(most, Math.max(least, this.#usual.get(artifact.digest) ?? 0));
  }

  /** A peak is believed at once and forgotten slowly. */
  #learn(digest: string, peakBytes: number): void {
    const before = this.#usual.get(digest) ?? 0;
    if (peakBytes === before) return;
    if (this.#usual.size >= DIGESTS_MAX && before === 0) this.#usual.clear();
    this.#usual.set(digest, Math.max(peakBytes, before - (before - peakBytes) / 16));
  }
}

/** A component has one for each core module that defines one. */
function memoriesOf({ artifact: { component } }: Job): number {
  const owners = component?.cores.filter(({ memoryMinPages }) => memoryMinPages !== null).length ?? 1;
  return Math.max(1, owners);
}
