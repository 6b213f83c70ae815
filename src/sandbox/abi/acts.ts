/** Runs in a lane's thread: what every kind of guest can do beside documents and calls that leave, once it has been read. */
import { LOG_LEVELS, type LogLevel } from '../../model/abi.ts';
import type { GuestResult } from '../protocol.ts';
import { type GuestState, isOutOfFuel, stopGuest } from './guest-state.ts';

/** Whether a log message of so many bytes is within the limits; stops the guest where it is not. */
export function mayLog(state: GuestState, bytes: number): boolean {
  const { limits } = state;
  const [limit, allowed, used] =
    state.logs.length >= limits.log_lines
      ? (['log_lines', limits.log_lines, state.logs.length + 1] as const)
      : (['log_bytes', limits.log_bytes, state.logBytes + bytes] as const);
  if (used <= allowed) return true;
  stopGuest(state, {
    kind: 'exhausted',
    code: 'ERR_LIMIT_LOG',
    message: `log messages reach ${used}; limits.${limit} allows ${allowed}`,
    limit,
    allowed,
    used,
    setting: `limits.${limit}`,
  });
  return false;
}

/** Counts a message and keeps it, if its level is one that is kept. */
export function keepLog(state: GuestState, level: LogLevel, message: string, bytes: number): void {
  state.logBytes += bytes;
  if (LOG_LEVELS[level] >= (state.logLevel ?? 0)) state.logs.push({ level, message });
}

/** Ends the run: the guest goes on from a checkpoint, or waits for a person. untrusted: JSON; the broker reads it. */
export function endRun(state: GuestState, kind: 'checkpoint' | 'wait', request: Uint8Array): void {
  if (!isOutOfFuel(state)) stopGuest(state, { kind, request });
}

/** The verdict on a guest whose output is over the limit. */
export function outputTooLarge(used: number, allowed: number): GuestResult {
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_OUTPUT',
    message: `output of ${used} bytes; limits.output_bytes allows ${allowed}`,
    limit: 'output_bytes',
    allowed,
    used,
    setting: 'limits.output_bytes',
  };
}
