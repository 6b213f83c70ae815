import { isAddressLiteral } from '../../model/grant-scope.ts';
import { untilAborted } from '../until-aborted.ts';
import { isDialable } from './address.ts';
import { type Dial, dialTcp, type Resolve, resolveByDns } from './connection.ts';
import { ConnectionPools } from './connection-pools.ts';
import type { HttpExchange, HttpPermit } from './http-exchange.ts';
import { failureOf, type HttpFailure, timeoutFailure } from './http-failure.ts';
import type { HttpResponse } from './http-response.ts';
import { sendRequest } from './send-request.ts';
import { bareHost, portOf } from './url.ts';

/** Sends requests. One hop: redirects are the caller's decision. */
export interface HttpClient {
  /** Never rejects. */
  exchange(request: HttpExchange, signal: AbortSignal): Promise<HttpResponse | HttpFailure>;
  /** Ends every connection; what is under way fails. */
  close(): Promise<void>;
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
 * An HTTP/1.1 client that dials only checked addresses. For every request the name is resolved and every address of it is
 * checked; one refused address refuses the name, and what is dialled is a checked address. An open connection is used again
 * only by the same `connectionsOf` for the same origin, addresses and networks. No proxy, no cookies, no redirects, no
 * decompression.
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const resolve = options.resolve ?? resolveByDns;
  const pools = new ConnectionPools(options.dial ?? dialTcp, options.ca);
  return Object.freeze({
    async exchange(request: HttpExchange, signal: AbortSignal): Promise<HttpResponse | HttpFailure> {
      const startedMs = performance.now();
      try {
        const addresses = await addressesOf(request, resolve, signal);
        const permit = request.permits.find((each) => refusedOf(addresses, each).length === 0);
        if (permit === undefined) return addressFailure(addresses, request.permits);
        const { url, connectionsOf, connectTimeoutMs } = request;
        const pool = pools.take({
          destination: { url, host: bareHost(url), port: portOf(url), addresses },
          privateNetworks: permit.privateNetworks,
          connectionsOf,
          connectTimeoutMs,
        });
        const spentMs = performance.now() - startedMs;
        const bounds = {
          maxResponseBytes: permit.maxResponseBytes,
          connectTimeoutMs: Math.max(1, connectTimeoutMs - spentMs),
        };
        return await sendRequest(pool, request, bounds, signal);
      } catch (error) {
        return failureOf(error, signal);
      }
    },
    close: () => pools.close(),
  });
}

async function addressesOf(
  { url, connectTimeoutMs }: HttpExchange,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<string[]> {
  signal.throwIfAborted();
  if (isAddressLiteral(url.hostname)) return [bareHost(url)];
  const expiry = new AbortController();
  const timer = setTimeout(() => expiry.abort(timeoutFailure('connect')), connectTimeoutMs);
  try {
    const found = await untilAborted(resolve(url.hostname), AbortSignal.any([signal, expiry.signal]));
    if (found.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
    return found.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
}

function refusedOf(addresses: readonly string[], { privateNetworks }: HttpPermit): string[] {
  return addresses.filter((address) => !isDialable(address, privateNetworks));
}

/** Names the addresses that the most permissive grant refuses. */
function addressFailure(addresses: readonly string[], permits: readonly HttpPermit[]): HttpFailure {
  const refused = permits.map((permit) => refusedOf(addresses, permit));
  const fewest = refused.sort((one, other) => one.length - other.length)[0] ?? addresses;
  return {
    kind: 'failure',
    code: 'ERR_HTTP_ADDRESS',
    message: 'address not granted',
    addresses: fewest,
  };
}
