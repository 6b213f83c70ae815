import type { RetryPolicy } from '../model/invocation.ts';

/** What linear and Fibonacci backoff start from where a template gives no base. */
const BASE_DEFAULT_MS = 1000;

/**
 * How long a template wants to wait after attempt number `attempt` (from 1) failed. Null: it does not say, the queue's
 * own default applies.
 */
export function retryDelayMs(retry: RetryPolicy, attempt: number): number | null {
  const { backoff, backoffBaseMs, maxBackoffMs } = retry;
  if (backoff === 'none') return 0;
  if (backoffBaseMs === null && maxBackoffMs === null && backoff === 'exponential') return null;
  const delay = (backoffBaseMs ?? BASE_DEFAULT_MS) * factor(backoff, Math.max(1, attempt));
  return Math.min(delay, maxBackoffMs ?? Number.MAX_SAFE_INTEGER);
}

function factor(backoff: 'exponential' | 'linear' | 'fibonacci', attempt: number): number {
  if (backoff === 'linear') return attempt;
  if (backoff === 'exponential') return 2 ** Math.min(attempt - 1, 40);
  let [current, next] = [1, 1];
  for (let step = 1; step < Math.min(attempt, 60); step++) [current, next] = [next, current + next];
  return current;
}
