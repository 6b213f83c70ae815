import { Client, type Dispatcher } from 'undici';
import type { ErrorCode } from '../../errors.ts';
import { isAddressLiteral } from '../../model/grant-scope.ts';
import { refuse } from '../../model/verdict.ts';
import { untilAborted } from '../until-aborted.ts';
import { isDialable } from './address.ts';
import { type Dial, dialTcp, openConnection, type Resolve, resolveByDns } from './connection.ts';
import { bareHost, type HttpMethod, portOf } from './url.ts';

/** One request to one place, ready to be sent: nothing in it is looked at again but the addresses of its host. */
export interface HttpExchange {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: readonly HttpHeader[];
  readonly body: Uint8Array | null;
  /** Networks (CIDR) that may be dialled although they are not public. */
  readonly privateNetworks: readonly string[];
  readonly maxResponseBytes: number;
}

export type HttpHeader = readonly [name: string, value: string];

export interface HttpResponse {
  readonly kind: 'response';
  readonly status: number;
  /** Names in lower case, in the order they came; a name may occur more than once. */
  readonly headers: readonly HttpHeader[];
  /** Empty for a redirect: its body is not read. */
  readonly body: Uint8Array;
}

export interface HttpFailure {
  readonly kind: 'failure';
  readonly code: ErrorCode;
  readonly message: string;
  /** With ERR_HTTP_ADDRESS: the addresses that were refused. */
  readonly addresses?: readonly string[];
}

/** Sends requests. One hop: redirects are the caller's decision. Never rejects. */
export interface HttpClient {
  exchange(request: HttpExchange, signal: AbortSignal): Promise<HttpResponse | HttpFailure>;
}

export interface HttpClientOptions {
  /** Default: the system's resolver. Never asked for addresses that stand in the URL themselves. */
  readonly resolve?: Resolve;
  /** Default: TCP to exactly the address that was checked. */
  readonly dial?: Dial;
  /** PEM certificates to trust instead of the built-in ones. */
  readonly ca?: string;
}

/** Bytes of all response headers together. */
const RESPONSE_HEADER_BYTES_MAX = 32 * 1024;
const RESPONSE_HEADERS_MAX = 100;

/**
 * An HTTP/1.1 client that dials only checked addresses: every address of a name is checked, one refused address refuses
 * the name, and what is dialled is a checked address. No proxy, no cookies, no redirects, no decompression. Every request
 * has its own connection, closed afterwards: an open socket could outlive the grant that allowed it.
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const resolve = options.resolve ?? resolveByDns;
  const dial = options.dial ?? dialTcp;
  return Object.freeze({
    async exchange(request: HttpExchange, signal: AbortSignal): Promise<HttpResponse | HttpFailure> {
      try {
        const addresses = await addressesOf(request.url, resolve, signal);
        const refused = addresses.filter((address) => !isDialable(address, request.privateNetworks));
        if (refused.length > 0) {
          return {
            kind: 'failure',
            code: 'ERR_HTTP_ADDRESS',
            message: 'address not granted',
            addresses: refused,
          };
        }
        const destination = {
          url: request.url,
          host: bareHost(request.url),
          port: portOf(request.url),
          addresses,
        };
        const open = (stop: AbortSignal) => openConnection(destination, dial, options.ca, stop);
        return await send(request, open, signal);
      } catch (error) {
        return failureOf(error, signal);
      }
    },
  });
}

async function addressesOf(url: URL, resolve: Resolve, signal: AbortSignal): Promise<string[]> {
  signal.throwIfAborted();
  if (isAddressLiteral(url.hostname)) return [bareHost(url)];
  const found = await untilAborted(resolve(url.hostname), signal);
  if (found.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
  return found.map(({ address }) => address);
}

async function send(
  request: HttpExchange,
  open: (stop: AbortSignal) => ReturnType<Dial>,
  signal: AbortSignal,
): Promise<HttpResponse | HttpFailure> {
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const client = new Client(request.url.origin, {
    connect: (_, callback) => {
      open(stop).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error as Error, null),
      );
    },
    allowH2: false,
    maxHeaderSize: RESPONSE_HEADER_BYTES_MAX,
    // One timer governs the whole request: the signal.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const response = await client.request({
      method: request.method,
      path: request.url.pathname + request.url.search,
      headers: [...request.headers, ['accept-encoding', 'identity'] as const].flat(),
      body: request.body,
      responseHeaders: 'raw',
      reset: true,
      signal,
    });
    return await receive(response, request);
  } finally {
    done.abort();
    await client.destroy().catch(() => {});
  }
}

/** untrusted: everything a server answers. */
async function receive(
  response: Dispatcher.ResponseData,
  request: HttpExchange,
): Promise<HttpResponse | HttpFailure> {
  const { statusCode: status, body } = response;
  // Destroying an unread body ends it with an error that nobody waits for.
  body.on('error', () => {});
  const headers = pairs(response.headers as unknown as readonly string[]);
  if (headers.length > RESPONSE_HEADERS_MAX) {
    return tooLarge(`more than ${RESPONSE_HEADERS_MAX} headers`);
  }
  if (redirectLocation({ status, headers }) !== null) {
    return { kind: 'response', status, headers, body: new Uint8Array() };
  }
  const encoding = headerValue(headers, 'content-encoding');
  if (encoding !== null && !/^\s*(identity)?\s*$/i.test(encoding)) {
    return {
      kind: 'failure',
      code: 'ERR_HTTP_FAILED',
      message: 'The server answered with a content-encoding although "accept-encoding: identity" was sent.',
    };
  }
  const limit = request.maxResponseBytes;
  const announced = Number(headerValue(headers, 'content-length') ?? '0');
  if (request.method !== 'HEAD' && announced > limit) return tooLarge(`a body of ${announced} bytes`, limit);

  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    received += chunk.byteLength;
    if (received > limit) return tooLarge(`a body of more than ${limit} bytes`, limit);
    chunks.push(chunk);
  }
  return { kind: 'response', status, headers, body: Buffer.concat(chunks) };
}

function tooLarge(what: string, allowed?: number): HttpFailure {
  const limit = allowed === undefined ? '' : `; limits.http_response_bytes allows ${allowed}`;
  return {
    kind: 'failure',
    code: 'ERR_HTTP_TOO_LARGE',
    message: `The server answered with ${what}${limit}.`,
  };
}

/** Where a response sends the client, if it does. */
export function redirectLocation({
  status,
  headers,
}: Pick<HttpResponse, 'status' | 'headers'>): string | null {
  return [301, 302, 303, 307, 308].includes(status) ? headerValue(headers, 'location') : null;
}

function headerValue(headers: readonly HttpHeader[], name: string): string | null {
  return headers.find(([known]) => known === name)?.[1] ?? null;
}

function pairs(raw: readonly (string | Uint8Array)[]): HttpHeader[] {
  const text = raw.map((item) => (typeof item === 'string' ? item : Buffer.from(item).toString('latin1')));
  const headers: HttpHeader[] = [];
  for (let index = 0; index + 1 < text.length; index += 2) {
    headers.push([(text[index] ?? '').toLowerCase(), text[index + 1] ?? '']);
  }
  return headers;
}

function failureOf(error: unknown, signal: AbortSignal): HttpFailure {
  if (signal.aborted) return abortFailure(signal);
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return tooLarge(`more than ${RESPONSE_HEADER_BYTES_MAX} bytes of headers`);
  // The code only: a message may carry what the server sent.
  const reason = typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'no usable answer';
  return {
    kind: 'failure',
    code: 'ERR_HTTP_FAILED',
    message: `The request could not be completed: ${reason}.`,
  };
}

/** What an aborted signal means: its own deadline, or the end of the invocation. */
export function abortFailure(signal: AbortSignal): HttpFailure {
  const timedOut = (signal.reason as { readonly name?: unknown } | null)?.name === 'TimeoutError';
  return timedOut
    ? {
        kind: 'failure',
        ...refuse(
          'ERR_HTTP_TIMEOUT',
          'The request took longer than its time; see timeout_ms and limits.http_timeout_ms.',
        ),
      }
    : { kind: 'failure', ...refuse('ERR_ABORTED', 'The invocation has ended.') };
}
