import { setTimeout as sleep } from 'node:timers/promises';

/** About ten seconds in all: long enough for a restart of the server, short enough to report one that stays away. */
const DELAYS_MS: readonly number[] = [50, 100, 200, 400, 800, 1600, 3200, 3200];

/**
 * Runs `attempt` until it succeeds, until it fails with something `isTransient` denies, or until the delays are used
 * up; then rejects with the last error. `repeated` tells an attempt that an earlier one may have taken effect.
 */
export async function retryTransient<Result>(
  attempt: (repeated: boolean) => Promise<Result>,
  isTransient: (error: unknown) => boolean,
  delaysMs: readonly number[] = DELAYS_MS,
): Promise<Result> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(tries > 0);
    } catch (error) {
      const delayMs = delaysMs[tries];
      if (delayMs === undefined || !isTransient(error)) throw error;
      await sleep(delayMs);
    }
  }
}
