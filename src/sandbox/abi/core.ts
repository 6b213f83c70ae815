/**
 * Runs in a lane's thread: the imports of guest ABI `tasker-core/1`. Calls served here answer beside the guest; calls
 * that leave the sandbox suspend it and are decided by the broker. No import throws because of the guest.
 */
import { ABI_IMPORTS, type HostStatus, LOG_LEVELS, type LogLevel } from '../../model/abi.ts';
import { endRun, keepLog, mayLog, outputTooLarge } from './acts.ts';
import { declaredFailure } from './failure.ts';
import { assemblyScriptText, copyToGuest, type GuestPointer, guestBytes, textOf } from './guest-memory.ts';
import { brokenRule, chargeGuest, type GuestState, stopGuest, ungranted } from './guest-state.ts';
import { suspending } from './jspi.ts';
import { type CallBroker, leaveSandbox } from './leaving-call.ts';
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
      const bytes = guestBytes(state, 'output_write', pointer, length);
      // untrusted: copied out of the guest, which may change its memory afterwards
      state.output = bytes === null ? null : Buffer.from(bytes);
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
    if (bytes !== undefined) endRun(state, kind, bytes);
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
  const size = length >>> 0;
  chargeGuest(state, priceOf(size));
  if (!mayLog(state, size)) return undefined;
  const bytes = guestBytes(state, 'log', pointer, length);
  if (bytes !== null) keepLog(state, level, textOf(bytes), size);
  return undefined;
}

/** A call decided by the broker: the request is read out of the guest's memory. */
function leavingCall(state: GuestState, name: string, wireNumber: number, callBroker: CallBroker) {
  const read = (pointer: GuestPointer, size: number) => () =>
    // untrusted: copied out of the guest, which may change its memory afterwards
    guestBytes(state, name, pointer, size)?.slice() ?? null;
  return (pointer: number, length: number): Promise<HostStatus> =>
    leaveSandbox(state, { name, wireNumber, size: length >>> 0, read: read(pointer, length) }, callBroker);
}
