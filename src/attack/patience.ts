import { setTimeout } from 'node:timers/promises';

/** How long is waited for one attack. */
export interface Patience {
  readonly limitMs: number;
  /** Resolves after so many milliseconds, or rejects when the signal says that nobody waits any more. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** The longest attacks take two seconds on an idle machine of two cores, and nine on one with ten others at work. */
export const PATIENCE: Patience = Object.freeze({
  limitMs: 20_000,
  sleep: (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal }),
});

/** What `work` gives, or null if it takes longer; then its signal is aborted, and what comes of it is nobody's. */
export async function withPatience<Value>(
  { limitMs, sleep }: Patience,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value | null> {
  const [atWork, waiting] = [new AbortController(), new AbortController()];
  const tooLong = sleep(limitMs, waiting.signal).then(
    () => null,
    () => null,
  );
  try {
    return await Promise.race([work(atWork.signal), tooLong]);
  } finally {
    waiting.abort();
    atWork.abort();
  }
}
