import { hash } from 'node:crypto';
import type { Failed, Trapped } from '../../model/outcome.ts';
import type { Job } from './job.ts';

/** Lost lanes, with nobody else on them, that convict an invocation: one can be the machine's doing. */
const LOSSES_ALONE = 2;
/** Convicted inputs of one module that put it in quarantine. */
const CONVICTIONS_MAX = 3;
/** How soon a step of a quarantined module is to be tried again: an operator has to do something before. */
const QUARANTINE_RETRY_MS = 60_000;
/** Inputs that are remembered per module. */
const INPUTS_MAX = 1000;

/**
 * Which invocations bring down their lane. Only a lane that is lost while an invocation runs alone on it counts against
 * that invocation, and by input: one bad record does not take its handler out of service.
 */
export class Convictions {
  /** Losses alone by digest and input. */
  readonly #losses = new Map<string, Map<string, number>>();
  readonly #quarantined = new Set<string>();
  readonly #onQuarantined: (job: Job) => void;

  constructor(onQuarantined: (job: Job) => void) {
    this.#onQuarantined = onQuarantined;
  }

  /** Modules that are not run any more. */
  get quarantined(): readonly string[] {
    return [...this.#quarantined];
  }

  /** Why `job` is not run, or null. */
  verdictOn(job: Job): Trapped | Failed | null {
    if (this.#losses.size === 0) return null;
    const { digest } = job.artifact;
    if (this.#quarantined.has(digest)) return quarantineVerdict(job);
    const losses = this.#losses.get(digest)?.get(inputOf(job)) ?? 0;
    return losses < LOSSES_ALONE ? null : crashVerdict(job);
  }

  /** A lane was lost while `job` ran alone on it. */
  lostAlone(job: Job): void {
    const { digest } = job.artifact;
    const losses = this.#losses.get(digest) ?? new Map<string, number>();
    this.#losses.set(digest, losses);
    const input = inputOf(job);
    if (losses.size < INPUTS_MAX) losses.set(input, (losses.get(input) ?? 0) + 1);
    const convicted = [...losses.values()].filter((count) => count >= LOSSES_ALONE).length;
    if (convicted < CONVICTIONS_MAX || this.#quarantined.has(digest)) return;
    this.#quarantined.add(digest);
    this.#onQuarantined(job);
  }

  /** `job` ran alone and its lane lives. */
  acquit(job: Job): void {
    const { digest } = job.artifact;
    const losses = this.#losses.get(digest);
    losses?.delete(inputOf(job));
    if (losses?.size === 0) this.#losses.delete(digest);
  }

  /** Runs a quarantined module again. False when it is not quarantined. */
  release(digest: string): boolean {
    this.#losses.delete(digest);
    return this.#quarantined.delete(digest);
  }
}

function inputOf({ input, config }: Job): string {
  return `${hash('sha256', input)}/${hash('sha256', config)}`;
}

function crashVerdict({ authority: { handler } }: Job): Trapped {
  const message = `${handler} brought down its lane ${LOSSES_ALONE} times with this input while nothing else ran there`;
  return { kind: 'trapped', code: 'ERR_LANE_CRASHED', message, stack: [] };
}

function quarantineVerdict({ authority: { handler }, artifact: { digest } }: Job): Failed {
  const message = `${handler} (${digest}) is in quarantine: it brought down its lane with ${CONVICTIONS_MAX} inputs`;
  const retryAfterMs = QUARANTINE_RETRY_MS;
  return { kind: 'failed', code: 'ERR_HANDLER_QUARANTINED', message, retryable: true, retryAfterMs };
}
