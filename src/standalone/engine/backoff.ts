/** Tasker's base configuration (worker protocol §4.4, §12). */
const BASE_SECONDS = 1;
const MULTIPLIER = 2;
const MAX_SECONDS = 3600;
const JITTER = 0.15;

/**
 * Seconds until a step may run again: what the handler's `retry-after` header says (seconds, or a date), otherwise
 * 1 s × 2^attempts with up to 15 % jitter; at most an hour, in whole seconds.
 *
 * @param attempts claims so far, the one that just ended included
 */
export function backoffSeconds(
  headers: Readonly<Record<string, string>>,
  attempts: number,
  nowMs: number,
  random: () => number,
): number {
  const requested = retryAfterSeconds(headers, nowMs);
  if (requested !== null) return Math.min(requested, MAX_SECONDS);
  const delay = Math.min(BASE_SECONDS * MULTIPLIER ** attempts, MAX_SECONDS);
  const range = Math.floor(delay * JITTER);
  return Math.max(0, delay + Math.round((random() * 2 - 1) * range));
}

function retryAfterSeconds(headers: Readonly<Record<string, string>>, nowMs: number): number | null {
  const header = Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after')?.[1];
  if (header === undefined) return null;
  // Unsigned 32-bit, as Tasker parses it.
  if (/^\d{1,10}$/.test(header) && Number(header) <= 0xffff_ffff) return Number(header);
  const seconds = Math.floor((Date.parse(header) - nowMs) / 1000);
  return seconds > 0 ? seconds : null;
}
