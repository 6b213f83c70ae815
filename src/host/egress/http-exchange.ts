import type { HttpHeader } from './http-response.ts';
import type { HttpMethod } from './url.ts';

/** What one grant allows for a request that it covers. */
export interface HttpPermit {
  /** Networks (CIDR) that may be dialled although they are not public. */
  readonly privateNetworks: readonly string[];
  readonly maxResponseBytes: number;
}

/** One request to one place, ready to be sent: nothing in it is looked at again but the addresses of its host. */
export interface HttpExchange {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: readonly HttpHeader[];
  readonly body: Uint8Array | null;
  /** The first that allows all addresses of the host applies. */
  readonly permits: readonly HttpPermit[];
  /** Who shares open connections, as text; requests with another text never meet on one. */
  readonly connectionsOf: string;
  /** Until the request can be sent: resolver, connection and TLS, or waiting for a free connection. */
  readonly connectTimeoutMs: number;
  /** From sending to the headers of the answer. */
  readonly firstByteTimeoutMs: number;
}
