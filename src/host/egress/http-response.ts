import { type HttpFailure, tooLarge } from './http-failure.ts';
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

const RESPONSE_HEADERS_MAX = 100;

/** Where a response sends the client, if it does. */
export function redirectLocation({
  status,
  headers,
}: Pick<HttpResponse, 'status' | 'headers'>): string | null {
  return [301, 302, 303, 307, 308].includes(status) ? headerValue(headers, 'location') : null;
}

/** The headers of an answer as undici gives them: names and values in turn, bytes or text. */
export function headersOf(raw: unknown): HttpHeader[] {
  const items = Array.isArray(raw) ? (raw as readonly (string | Uint8Array)[]) : [];
  const text = items.map((item) => (typeof item === 'string' ? item : Buffer.from(item).toString('latin1')));
  const headers: HttpHeader[] = [];
  for (let index = 0; index + 1 < text.length; index += 2) {
    headers.push([(text[index] ?? '').toLowerCase(), text[index + 1] ?? '']);
  }
  return headers;
}

/** What is wrong with an answer before its body is read, or null. untrusted: headers of a server. */
export function headFault(
  headers: readonly HttpHeader[],
  hasBody: boolean,
  maxResponseBytes: number,
): HttpFailure | null {
  if (headers.length > RESPONSE_HEADERS_MAX) return tooLarge(`more than ${RESPONSE_HEADERS_MAX} headers`);
  if (!hasBody) return null;
  const encoding = headerValue(headers, 'content-encoding');
  if (encoding !== null && !/^\s*(identity)?\s*$/i.test(encoding)) {
    return {
      kind: 'failure',
      code: 'ERR_HTTP_FAILED',
      message: 'The server answered with a content-encoding although "accept-encoding: identity" was sent.',
    };
  }
  const announced = Number(headerValue(headers, 'content-length') ?? '0');
  return announced > maxResponseBytes ? tooLarge(`a body of ${announced} bytes`, maxResponseBytes) : null;
}

/** Is the body of such an answer read? */
export function readsBody(method: HttpMethod, status: number, headers: readonly HttpHeader[]): boolean {
  return method !== 'HEAD' && redirectLocation({ status, headers }) === null;
}

function headerValue(headers: readonly HttpHeader[], name: string): string | null {
  return headers.find(([known]) => known === name)?.[1] ?? null;
}
