import { Client } from 'undici';
import { isAddressLiteral } from '../../model/grant-scope.ts';
import { refuse } from '../../model/verdict.ts';
import { untilAborted } from '../until-aborted.ts';
import { isDialable } from './address.ts';
import { type Dial, dialTcp, openConnection, type Resolve, resolveByDns } from './connection.ts';
import {
  type HttpFailure,
  type HttpHeader,
  type HttpResponse,
  RESPONSE_HEADER_BYTES_MAX,
  receiveResponse,
  tooLarge,
} from './http-response.ts';
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
    return await receiveResponse(response, request.method, request.maxResponseBytes);
  } finally {
    done.abort();
    await client.destroy().catch(() => {});
  }
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
