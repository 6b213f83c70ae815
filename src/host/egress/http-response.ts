import type { Dispatcher } from 'undici';
import type { ErrorCode } from '../../errors.ts';
import type { HttpMethod } from './url.ts';

export type HttpHeader = readonly [name: string, value: string];

export interface HttpResponse {
  readonly kind: 'response';
  readonly status: number;
  /** Names in lower case, in the order they came; a name may occur more than once. */
  readonly headers: readonly HttpHeader[];
  /** Empty for HEAD, and for a redirect: its body is not read. */
  readonly body: Uint8Array;
}

export interface HttpFailure {
  readonly kind: 'failure';
  readonly code: ErrorCode;
  readonly message: string;
  /** With ERR_HTTP_ADDRESS: the addresses that were refused. */
  readonly addresses?: readonly string[];
}

/** Bytes of all response headers together. */
export const RESPONSE_HEADER_BYTES_MAX = 32 * 1024;
const RESPONSE_HEADERS_MAX = 100;

/**
 * Reads an answer within its bounds: `limit` bytes of body, counted while they arrive. untrusted: everything a server
 * answers.
 */
export async function receiveResponse(
  response: Dispatcher.ResponseData,
  method: HttpMethod,
  limit: number,
): Promise<HttpResponse | HttpFailure> {
  const { statusCode: status, body } = response;
  // Destroying an unread body ends it with an error that nobody waits for.
  body.on('error', () => {});
  const headers = pairs(response.headers as unknown as readonly string[]);
  if (headers.length > RESPONSE_HEADERS_MAX) {
    return tooLarge(`more than ${RESPONSE_HEADERS_MAX} headers`);
  }
  if (method === 'HEAD' || redirectLocation({ status, headers }) !== null) {
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
  const announced = Number(headerValue(headers, 'content-length') ?? '0');
  if (announced > limit) return tooLarge(`a body of ${announced} bytes`, limit);

  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    received += chunk.byteLength;
    if (received > limit) return tooLarge(`a body of more than ${limit} bytes`, limit);
    chunks.push(chunk);
  }
  return { kind: 'response', status, headers, body: Buffer.concat(chunks) };
}

export function tooLarge(what: string, allowed?: number): HttpFailure {
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
