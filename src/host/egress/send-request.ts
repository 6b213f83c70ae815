import type { Dispatcher } from 'undici';
import type { HttpExchange, HttpPermit } from './http-exchange.ts';
import { abortFailure, failureOf, type HttpFailure, timeoutFailure, tooLarge } from './http-failure.ts';
import { type HttpHeader, type HttpResponse, headersOf, headFault, readsBody } from './http-response.ts';

/** What bounds this request. */
interface Bounds extends Pick<HttpPermit, 'maxResponseBytes'> {
  readonly connectTimeoutMs: number;
}

/** Sends a request on a connection of `pool` and reads its answer within bounds. Never rejects. */
export function sendRequest(
  pool: Dispatcher,
  request: HttpExchange,
  bounds: Bounds,
  signal: AbortSignal,
): Promise<HttpResponse | HttpFailure> {
  return new Promise((resolve) => {
    const receiver = new Receiver(request, bounds, signal, resolve);
    try {
      pool.dispatch(
        {
          method: request.method,
          path: request.url.pathname + request.url.search,
          headers: [...request.headers, ['accept-encoding', 'identity'] as const].flat(),
          body: request.body,
        },
        receiver,
      );
    } catch (error) {
      receiver.onResponseError(null, error);
    }
  });
}

/** Why undici is told to drop a connection: nobody waits for the rest. */
const STOPPED = new Error('no longer needed');

/**
 * States of one exchange: connecting → sent → receiving → settled, each but the last under a time of its own or the
 * signal's. What is left of a connection when it settles early is closed with it. untrusted: everything a server answers.
 */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #request: HttpExchange;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  readonly #resolve: (answer: HttpResponse | HttpFailure) => void;
  #timer: NodeJS.Timeout | undefined;
  #controller: Dispatcher.DispatchController | null = null;
  #settled = false;
  #status = 0;
  #headers: readonly HttpHeader[] = [];
  #chunks: Buffer[] = [];
  #receivedBytes = 0;

  constructor(
    request: HttpExchange,
    { maxResponseBytes, connectTimeoutMs }: Bounds,
    signal: AbortSignal,
    resolve: (answer: HttpResponse | HttpFailure) => void,
  ) {
    this.#request = request;
    this.#maxBytes = maxResponseBytes;
    this.#signal = signal;
    this.#resolve = resolve;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#within(connectTimeoutMs, 'connect');
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It waited for a connection until nobody waited for it.
    if (this.#settled) {
      controller.abort(STOPPED);
      return;
    }
    this.#controller = controller;
    this.#within(this.#request.firstByteTimeoutMs, 'first_byte');
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx: the answer is still to come, and its time goes on.
    if (status < 200 || this.#settled) return;
    clearTimeout(this.#timer);
    this.#status = status;
    this.#headers = headersOf(controller.rawHeaders);
    const hasBody = readsBody(this.#request.method, status, this.#headers);
    const fault = headFault(this.#headers, hasBody, this.#maxBytes);
    if (fault !== null) this.#stop(fault);
    else if (!hasBody && this.#request.method !== 'HEAD') this.#stop(this.#response());
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receivedBytes += chunk.byteLength;
    if (this.#receivedBytes <= this.#maxBytes) this.#chunks.push(chunk);
    else this.#stop(tooLarge(`a body of more than ${this.#maxBytes} bytes`, this.#maxBytes));
  }

  onResponseEnd(): void {
    this.#settle(this.#response());
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: unknown): void {
    this.#settle(failureOf(error, this.#signal));
  }

  readonly #onAbort = (): void => this.#stop(abortFailure(this.#signal));

  #within(ms: number, phase: 'connect' | 'first_byte'): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop(timeoutFailure(phase)), ms);
  }

  #response(): HttpResponse {
    const body = Buffer.concat(this.#chunks);
    return { kind: 'response', status: this.#status, headers: this.#headers, body };
  }

  #stop(answer: HttpResponse | HttpFailure): void {
    this.#settle(answer);
    this.#controller?.abort(STOPPED);
  }

  #settle(answer: HttpResponse | HttpFailure): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#chunks = [];
    const receivedBytes = this.#receivedBytes;
    this.#resolve(answer.kind === 'failure' ? { ...answer, receivedBytes } : answer);
  }
}
