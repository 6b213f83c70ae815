import { ERROR_CODES } from '../../errors.ts';
import { LOG_LEVELS, type LogLevel } from '../../model/abi.ts';
import { DEFAULT_LIMITS, type Limits } from '../../model/limits.ts';
import { type PackedFromLane, unpackFromLane } from '../batch.ts';
import {
  DIGEST_BYTES,
  type Digests,
  type GuestResult,
  type LogRecord,
  type ResultMessage,
} from '../protocol.ts';
import type { Job } from './job.ts';

/*
 * untrusted: everything here. A worker that a guest has taken over can send whatever it likes; what does not fit its
 * invocation ends the lane.
 */

/** The messages of a batch, or null when it is none. */
export function readBatch(posted: unknown): readonly PackedFromLane[] | null {
  if (!(posted instanceof ArrayBuffer)) return null;
  try {
    return unpackFromLane(posted);
  } catch {
    return null;
  }
}

/** A result as its invocation can have it, or null. What it says about usage is cut to what the limits allow. */
export function readResult(message: ResultMessage, job: Job): ResultMessage | null {
  const { limits } = job.authority;
  const result = readEnd(message.result);
  if (result === null || !areLogs(message.logs, job, limits)) return null;
  if (!isAmount(message.fuel) || !isAmount(message.peakMemoryBytes) || !isAmount(message.wallMs)) return null;
  if (message.digests !== null && !areDigests(message.digests, job)) return null;
  const peakMemoryBytes = Math.min(message.peakMemoryBytes, limits.memory_pages * 65_536);
  // As most are: not written anew.
  if (result === message.result && peakMemoryBytes === message.peakMemoryBytes) return message;
  return { ...message, result, peakMemoryBytes };
}

/** Of a thread, which is as much the broker's own as whoever reads it; what a process says of its documents is not taken. */
function areDigests({ input, output }: Digests, { tier }: Job): boolean {
  return tier === 'thread' && input.byteLength === DIGEST_BYTES && output.byteLength === DIGEST_BYTES;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function areLogs(logs: readonly LogRecord[], { logLevel }: Job, limits: Limits): boolean {
  if (!Array.isArray(logs) || logs.length > limits.log_lines) return false;
  if (logs.length > 0 && logLevel === null) return false;
  let units = 0;
  for (const log of logs) {
    if (typeof log !== 'object' || log === null || typeof log.message !== 'string') return false;
    if (!Object.hasOwn(LOG_LEVELS, log.level) || LOG_LEVELS[log.level as LogLevel] < (logLevel ?? 0)) {
      return false;
    }
    units += log.message.length;
  }
  // Decoding a guest's bytes gives at most one unit for each.
  return units <= limits.log_bytes;
}

/** Longest message of an outcome that is believed; guests write at most 16 KiB of it. */
const TEXT_MAX = 32 * 1024;
const STACK_MAX = 16;

/** The same with known fields only; sizes of output and request are checked where they are read. */
function readEnd(end: GuestResult): GuestResult | null {
  if (typeof end !== 'object' || end === null) return null;
  switch (end.kind) {
    case 'returned':
      return end.output instanceof Uint8Array ? end : null;
    case 'checkpoint':
    case 'wait':
      return end.request instanceof Uint8Array ? end : null;
    case 'failed':
      return isText(end.code) && isText(end.message) && typeof end.retryable === 'boolean'
        ? readFailure(end)
        : null;
    case 'trapped':
      return isCode(end.code) && isText(end.message) && isStack(end.stack) ? end : null;
    case 'exhausted':
      return isCode(end.code) && isText(end.message) && isText(end.setting) && isLimit(end) ? end : null;
    // A reason of the worker's own; only the broker says that it broke something off.
    case 'aborted':
      return isText(end.message) ? { kind: 'aborted', code: 'ERR_INTERNAL', message: end.message } : null;
    default:
      return null;
  }
}

function readFailure(end: Extract<GuestResult, { kind: 'failed' }>): GuestResult | null {
  const { code, message, retryable, retryAfterMs } = end;
  if (retryAfterMs === undefined) return { kind: 'failed', code, message, retryable };
  return isAmount(retryAfterMs) ? { kind: 'failed', code, message, retryable, retryAfterMs } : null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TEXT_MAX;
}

function isCode(value: unknown): boolean {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

function isStack(value: unknown): boolean {
  return Array.isArray(value) && value.length <= STACK_MAX && value.every(isText);
}

function isLimit({ limit, allowed, used }: Extract<GuestResult, { kind: 'exhausted' }>): boolean {
  return Object.hasOwn(DEFAULT_LIMITS, limit) && isAmount(allowed) && isAmount(used);
}
