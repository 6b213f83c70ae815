/**
 * Runs in a lane's thread: the imports of guest ABI `tasker-core/1`. Calls served here answer beside the guest; calls
 * that leave the sandbox suspend it and are decided by the broker. No import throws because of the guest.
 */
import { ABI_IMPORTS, LOG_LEVELS, type LogLevel } from '../../model/abi.ts';
import type { GuestResult } from '../protocol.ts';
import { assemblyScriptText, copyToGuest, type GuestPointer, guestBytes, textOf } from './guest-memory.ts';
import {
  brokenRule,
  chargeGuest,
  type GuestState,
  isOutOfFuel,
  stopGuest,
  ungranted,
} from './guest-state.ts';
import { suspending } from './jspi.ts';
import { type CallBroker, leavingCall } from './leaving-call.ts';
import { HOST_CALL_FUEL, priceOf } from './price.ts';
import { randomBytesImport } from './random.ts';
import { regexMatchImport } from './regex.ts';

const FAILURE_BYTES = 16 * 1024;

type ImportFunction = (...args: number[]) => number | undefined;

/** Builds the import object for the instances on one memory from the ABI's list. */
export function linkCore(state: GuestState, callBroker: CallBroker): WebAssembly.Imports {
  const served: Readonly<Record<string, ImportFunction>> = {
    ...documentImports(state),
    ...reportImports(state),
    ...requestImports(state),
    ...ambientImports(state),
  };
  const tasker: Record<string, WebAssembly.ImportValue> = Object.create(null);
  for (const { module, name, wireNumber } of ABI_IMPORTS) {
    if (module !== 'tasker') continue;
    tasker[name] =
      wireNumber === null ? served[name]! : suspending(leavingCall(state, name, wireNumber, callBroker));
  }
  const env = Object.assign(Object.create(null), { abort: served['abort'] });
  return { tasker, env, host: { memory: state.memory } };
}

/** input, config, step, result: documents the guest pulls. */
function documentImports(state: GuestState): Record<string, ImportFunction> {
  const read = (call: string, source: () => Uint8Array) => (pointer: GuestPointer) => {
    chargeGuest(state, priceOf(source().byteLength));
    copyToGuest(state, call, pointer, source());
    return undefined;
  };
  return {
    input_len: () => state.input.byteLength,
    input_read: read('input_read', () => state.input),
    config_len: () => state.config.byteLength,
    config_read: read('config_read', () => state.config),
    step_len: () => state.step.byteLength,
    step_read: read('step_read', () => state.step),
    result_len: () => state.result.byteLength,
    result_read: read('result_read', () => state.result),
  } as Record<string, ImportFunction>;
}

/** output, failure, abort: how the guest says what came of it. */
function reportImports(state: GuestState): Record<string, ImportFunction> {
  return {
    output_write: (pointer: number, length: number) => {
      const allowed = state.limits.output_bytes;
      if (length >>> 0 > allowed) {
        stopGuest(state, outputTooLarge(length >>> 0, allowed));
        return undefined;
      }
      chargeGuest(state, priceOf(length >>> 0));
      // untrusted: copied out of the guest, which may change its memory afterwards
      state.output = guestBytes(state, 'output_write', pointer, length)?.slice() ?? null;
      return undefined;
    },
    fail: (pointer: number, length: number) => {
      const bytes = guestBytes(state, 'fail', pointer, Math.min(length >>> 0, FAILURE_BYTES));
      if (bytes !== null) stopGuest(state, declaredFailure(textOf(bytes)));
      return undefined;
    },
    abort: (message: number, file: number, line: number, column: number) => {
      const text = assemblyScriptText(state, message) || 'aborted';
      const place = assemblyScriptText(state, file);
      const where = place === '' ? '' : ` at ${place}:${line >>> 0}:${column >>> 0}`;
      stopGuest(state, brokenRule('ERR_GUEST_ABORT', `${text}${where}`));
      return undefined;
    },
  } as Record<string, ImportFunction>;
}

/** checkpoint, wait: the guest ends here and says how its step goes on. */
function requestImports(state: GuestState): Record<string, ImportFunction> {
  const request = (kind: 'checkpoint' | 'wait') => (pointer: number, length: number) => {
    chargeGuest(state, priceOf(length >>> 0));
    if (length >>> 0 > state.limits.output_bytes) {
      stopGuest(state, outputTooLarge(length >>> 0, state.limits.output_bytes));
      return undefined;
    }
    // untrusted: JSON of the guest; the broker reads it
    const bytes = guestBytes(state, kind, pointer, length)?.slice();
    if (bytes !== undefined && !isOutOfFuel(state)) stopGuest(state, { kind, request: bytes });
    return undefined;
  };
  const wait = request('wait');
  return {
    checkpoint: request('checkpoint'),
    wait: (pointer: number, length: number) =>
      state.mayWait ? wait(pointer, length) : ungranted(state, 'wait'),
  } as Record<string, ImportFunction>;
}

/** log, time, randomness: ambient authority, so each needs a grant. */
function ambientImports(state: GuestState): Record<string, ImportFunction> {
  return {
    log: (level: number, pointer: number, length: number) => {
      if (state.logLevel === null) return ungranted(state, 'log');
      const name = LEVEL_NAMES[level];
      if (name === undefined) {
        stopGuest(state, brokenRule('ERR_GUEST_PROTOCOL', `log: expected a level from 0 to 3, got ${level}`));
        return undefined;
      }
      return writeLog(state, name, pointer, length);
    },
    get_time: () => {
      if (state.timeMs === null) return ungranted(state, 'get_time');
      chargeGuest(state, HOST_CALL_FUEL.call);
      return state.timeMs;
    },
    random_bytes: randomBytesImport(state),
    regex_match: regexMatchImport(state),
  } as Record<string, ImportFunction>;
}

const LEVEL_NAMES: Readonly<Record<number, LogLevel>> = Object.fromEntries(
  Object.entries(LOG_LEVELS).map(([name, level]) => [level, name as LogLevel]),
);

function writeLog(state: GuestState, level: LogLevel, pointer: GuestPointer, length: number): undefined {
  chargeGuest(state, priceOf(length >>> 0));
  const limits = state.limits;
  const [limit, allowed, used] =
    state.logs.length >= limits.log_lines
      ? (['log_lines', limits.log_lines, state.logs.length + 1] as const)
      : (['log_bytes', limits.log_bytes, state.logBytes + (length >>> 0)] as const);
  if (used > allowed) {
    stopGuest(state, {
      kind: 'exhausted',
      code: 'ERR_LIMIT_LOG',
      message: `log messages reach ${used}; limits.${limit} allows ${allowed}`,
      limit,
      allowed,
      used,
      setting: `limits.${limit}`,
    });
    return undefined;
  }
  const bytes = guestBytes(state, 'log', pointer, length);
  if (bytes === null) return undefined;
  state.logBytes += bytes.byteLength;
  if (LOG_LEVELS[level] >= (state.logLevel ?? 0)) state.logs.push({ level, message: textOf(bytes) });
  return undefined;
}

function outputTooLarge(used: number, allowed: number): GuestResult {
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

const FAILURE_CODE_MAX = 100;
const FAILURE_MESSAGE_MAX = 8000;
const RETRY_AFTER_MAX_MS = 3_000_000;

/** untrusted: the JSON of `fail`. A malformed one is the guest's fault and ends it all the same. */
function declaredFailure(text: string): GuestResult {
  const { code, message, retryable = false, retry_after_ms } = membersOf(parseJson(text));
  const isFailure =
    isText(code, 1, FAILURE_CODE_MAX) &&
    isText(message, 0, FAILURE_MESSAGE_MAX) &&
    typeof retryable === 'boolean' &&
    (retry_after_ms === undefined || isWhole(retry_after_ms, RETRY_AFTER_MAX_MS));
  if (!isFailure) {
    return brokenRule(
      'ERR_GUEST_PROTOCOL',
      'fail: expected JSON {"code","message","retryable"?,"retry_after_ms"?}',
    );
  }
  const failed = { kind: 'failed', code, message, retryable } as const;
  return retry_after_ms === undefined ? failed : { ...failed, retryAfterMs: retry_after_ms };
}

// Written out: a schema library would cost every new lane half of its start.
function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown, min: number, max: number): value is string {
  return typeof value === 'string' && value.length >= min && value.length <= max;
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
