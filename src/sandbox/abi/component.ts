/**
 * Runs in a lane's thread: the interfaces of `tasker:catalog` for components (wit/handler.wit). jco's glue has read the
 * arguments out of the guest's memory by then; they are what the guest says, of types that only it knows.
 */
import { HOST_STATUS, LOG_LEVELS, type LogLevel } from '../../model/abi.ts';
import { endRun, keepLog, mayLog, outputTooLarge } from './acts.ts';
import { encodeFrame, splitFrame } from './frame.ts';
import {
  brokenRule,
  chargeGuest,
  type GuestState,
  isOutOfFuel,
  NO_BYTES,
  stopGuest,
  ungranted,
} from './guest-state.ts';
import { type CallBroker, leaveSandbox } from './leaving-call.ts';
import { HOST_CALL_FUEL, priceOf } from './price.ts';
import { RANDOM_BYTES_MAX, randomStream } from './random.ts';

/** The `error` of package `tasker:catalog`, as jco has it. */
export interface ComponentFailure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
}

/** Makes jco answer a call with the error of its `result`. */
class CallFailed extends Error {
  readonly payload: ComponentFailure;

  constructor(payload: ComponentFailure) {
    super(payload.code);
    this.payload = payload;
  }
}

type HostFunction = (...args: unknown[]) => unknown;
export type ComponentImports = Readonly<Record<string, Readonly<Record<string, HostFunction>>>>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The host's functions for the one guest that `state` belongs to, by interface. */
export function linkComponent(state: GuestState, callBroker: CallBroker): ComponentImports {
  return {
    'tasker:catalog/types': {},
    'tasker:catalog/documents': {
      config: () => documentText(state, state.config),
      facts: () => documentText(state, state.step),
    },
    'tasker:catalog/log': { log: (level, message) => log(state, level, message) },
    'tasker:catalog/time': { now: () => now(state) },
    'tasker:catalog/random': { bytes: (length) => randomBytes(state, length) },
    'tasker:catalog/checkpoints': { checkpoint: (request) => end(state, 'checkpoint', request) },
    'tasker:catalog/waiting': {
      wait: (request) => (state.mayWait ? end(state, 'wait', request) : ungranted(state, 'wait')),
    },
    ...leavingInterfaces(state, callBroker),
  };
}

function leavingInterfaces(state: GuestState, callBroker: CallBroker): ComponentImports {
  const call = async (name: string, wireNumber: number, payload: Uint8Array): Promise<Uint8Array> => {
    state.result = NO_BYTES;
    const { byteLength: size } = payload;
    const status = await leaveSandbox(state, { name, wireNumber, size, read: () => payload }, callBroker);
    if (status === HOST_STATUS.ok) return state.result;
    throw new CallFailed(failureIn(state.result));
  };
  return {
    'tasker:catalog/http': {
      request: async (head, body) => {
        if (!isText(head) || !isBytes(body)) return broken(state, 'http.request');
        const answer = splitFrame(await call('http_request', 1, encodeFrame(head, body)));
        return { head: answer.head, body: answer.body.slice() };
      },
    },
    'tasker:catalog/secrets': {
      read: async (name) => {
        if (!isText(name)) return broken(state, 'secrets.read');
        return decoder.decode(await call('secret_read', 2, encoder.encode(name)));
      },
    },
    'tasker:catalog/cache': {
      get: async (key) => {
        if (!isText(key)) return broken(state, 'cache.get');
        const answer = await call('cache_get', 3, encoder.encode(key));
        return answer[0] === 1 ? answer.slice(1) : undefined;
      },
      put: async (key, value, ttlMs) => {
        if (!isText(key) || !isBytes(value) || typeof ttlMs !== 'number') return broken(state, 'cache.put');
        await call('cache_put', 4, encodeFrame(JSON.stringify({ key, ttl_ms: ttlMs }), value));
        return undefined;
      },
    },
  };
}

function documentText(state: GuestState, document: Uint8Array): string {
  chargeGuest(state, priceOf(document.byteLength));
  return isOutOfFuel(state) ? '' : decoder.decode(document);
}

function log(state: GuestState, level: unknown, message: unknown): void {
  if (state.logLevel === null) {
    ungranted(state, 'log');
    return;
  }
  if (!isText(level) || !Object.hasOwn(LOG_LEVELS, level) || !isText(message)) {
    broken(state, 'log.log');
    return;
  }
  const size = Buffer.byteLength(message);
  chargeGuest(state, priceOf(size));
  if (mayLog(state, size)) keepLog(state, level as LogLevel, message, size);
}

function now(state: GuestState): number {
  if (state.timeMs === null) return ungranted(state, 'get_time');
  chargeGuest(state, HOST_CALL_FUEL.call);
  return state.timeMs;
}

function randomBytes(state: GuestState, length: unknown): Uint8Array {
  if (state.seed === null) {
    ungranted(state, 'random_bytes');
    return NO_BYTES;
  }
  if (typeof length !== 'number' || !(length <= RANDOM_BYTES_MAX)) {
    const message = `random.bytes: expected a length of at most ${RANDOM_BYTES_MAX}, got ${String(length)}`;
    stopGuest(state, brokenRule('ERR_GUEST_PROTOCOL', message));
    return NO_BYTES;
  }
  chargeGuest(state, priceOf(length));
  if (isOutOfFuel(state)) return NO_BYTES;
  state.random ??= randomStream(state.seed);
  return state.random(length);
}

function end(state: GuestState, kind: 'checkpoint' | 'wait', request: unknown): void {
  if (!isText(request)) {
    broken(state, kind);
    return;
  }
  const bytes = encoder.encode(request);
  chargeGuest(state, priceOf(bytes.byteLength));
  const allowed = state.limits.output_bytes;
  if (bytes.byteLength > allowed) stopGuest(state, outputTooLarge(bytes.byteLength, allowed));
  else endRun(state, kind, bytes);
}

/** Ends a guest whose interface has other types than the published one. */
function broken(state: GuestState, call: string): undefined {
  const message = `${call}: its parameters are not those of wit/handler.wit`;
  stopGuest(state, brokenRule('ERR_GUEST_PROTOCOL', message));
  return undefined;
}

/** Why the broker did not do it; empty where the guest has been ended meanwhile. */
function failureIn(result: Uint8Array): ComponentFailure {
  if (result.byteLength === 0) {
    return {
      code: 'ERR_ABORTED',
      message: 'the invocation has ended',
      retryable: false,
      retryAfterMs: undefined,
    };
  }
  const failure = JSON.parse(decoder.decode(result)) as Omit<ComponentFailure, 'retryAfterMs'>;
  return { ...failure, retryAfterMs: undefined };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
