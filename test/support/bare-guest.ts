import { ABI_ENTRY, HOST_STATUS } from '../../src/model/abi.ts';

/** A host call's answer: a frame on status 0, else JSON. */
export interface BareHttpAnswer {
  readonly status: number;
  readonly result: Uint8Array;
}

export interface BareInvocation {
  readonly input: string | Uint8Array;
  readonly config?: string;
  /** Answers `http_request`; without it every request is denied. */
  readonly http?: (head: BareHttpRequest, body: Uint8Array) => BareHttpAnswer;
  /** Milliseconds since 1970. */
  readonly time?: number;
}

export interface BareHttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeout_ms?: number;
}

export interface BareFailure {
  readonly code: string;
  readonly message: string;
  readonly retryable?: boolean;
  readonly retry_after_ms?: number;
}

export interface BareResult {
  readonly output: string | null;
  readonly failure: BareFailure | null;
  readonly logs: readonly { readonly level: number; readonly message: string }[];
  /** Size of the linear memory at the end. */
  readonly memoryBytes: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The least that runs a `tasker-core/1` module: the ABI linked directly, no limits, no metering, no isolation. For
 * tests of handlers, and as the baseline of the benchmarks. A trap without a failure before it is thrown.
 */
export function instantiateBare(module: WebAssembly.Module, invocation: BareInvocation): BareResult {
  const input = typeof invocation.input === 'string' ? encoder.encode(invocation.input) : invocation.input;
  const config = encoder.encode(invocation.config ?? '{}');
  const logs: { level: number; message: string }[] = [];
  let output: string | null = null;
  let failure: BareFailure | null = null;
  let result: Uint8Array = new Uint8Array();
  let abortMessage = '';

  const bytes = (start: number, length?: number): Uint8Array =>
    new Uint8Array(memory.buffer, start >>> 0, length === undefined ? undefined : length >>> 0);
  const text = (start: number, length: number): string => decoder.decode(bytes(start, length));
  const utf16 = (start: number): string => {
    const length = new DataView(memory.buffer).getUint32((start >>> 0) - 4, true);
    return new TextDecoder('utf-16le').decode(bytes(start, length));
  };

  const instance = new WebAssembly.Instance(module, {
    tasker: {
      input_len: () => input.length,
      input_read: (target: number) => bytes(target).set(input),
      config_len: () => config.length,
      config_read: (target: number) => bytes(target).set(config),
      output_write: (start: number, length: number) => {
        output = text(start, length);
      },
      fail: (start: number, length: number) => {
        failure = JSON.parse(text(start, length)) as BareFailure;
      },
      log: (level: number, start: number, length: number) =>
        void logs.push({ level, message: text(start, length) }),
      get_time: () => invocation.time ?? 0,
      http_request: (start: number, length: number) => {
        const answer = answerHttp(bytes(start, length).slice(), invocation.http);
        result = answer.result;
        return answer.status;
      },
      result_len: () => result.length,
      result_read: (target: number) => bytes(target).set(result),
    },
    env: {
      abort: (message: number, file: number, line: number, column: number) => {
        abortMessage = `${message === 0 ? '' : utf16(message)} at ${file === 0 ? '' : utf16(file)}:${line}:${column}`;
      },
    },
  });
  const memory = instance.exports['memory'] as WebAssembly.Memory;
  const entry = instance.exports[ABI_ENTRY] as () => number;
  try {
    const returned = entry();
    if (returned !== 0) throw new Error(`expected ${ABI_ENTRY} to return 0, got ${returned}`);
  } catch (error) {
    if (failure === null)
      throw new Error(`guest trapped: ${abortMessage || String(error)}`, { cause: error });
  }
  return { output: failure === null ? output : null, failure, logs, memoryBytes: memory.buffer.byteLength };
}

function answerHttp(frame: Uint8Array, http: BareInvocation['http']): BareHttpAnswer {
  if (http === undefined) {
    return bareHttpError(HOST_STATUS.denied, 'ERR_HTTP_DENIED', 'expected a grant for http', false);
  }
  const headLength = new DataView(frame.buffer).getUint32(0, true);
  const head = JSON.parse(decoder.decode(frame.subarray(4, 4 + headLength))) as BareHttpRequest;
  return http(head, frame.subarray(4 + headLength));
}

/** The answer of a host that performed the request. */
export function bareHttpResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  url = 'http://127.0.0.1/',
): BareHttpAnswer {
  const head = encoder.encode(JSON.stringify({ status, headers, url }));
  const bodyBytes = typeof body === 'string' ? encoder.encode(body) : body;
  const result = new Uint8Array(4 + head.length + bodyBytes.length);
  new DataView(result.buffer).setUint32(0, head.length, true);
  result.set(head, 4);
  result.set(bodyBytes, 4 + head.length);
  return { status: HOST_STATUS.ok, result };
}

/** The answer of a host that did not. */
export function bareHttpError(
  status: number,
  code: string,
  message: string,
  retryable: boolean,
): BareHttpAnswer {
  return { status, result: encoder.encode(JSON.stringify({ code, message, retryable })) };
}
