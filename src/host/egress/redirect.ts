import { refuse, type Verdict } from '../../model/verdict.ts';
import type { HttpHeader } from './http-response.ts';
import { type HttpMethod, parseRequestUrl, type RequestUrl } from './url.ts';

/** A request as it is sent on one hop, secrets in place. */
export interface Hop {
  readonly url: URL;
  /** The same for messages: without the values of secrets. */
  readonly shown: RequestUrl;
  readonly method: HttpMethod;
  readonly headers: readonly HttpHeader[];
  /** Names of headers whose value contains a secret. */
  readonly secretHeaders: ReadonlySet<string>;
  readonly body: Uint8Array | null;
  readonly bodyHasSecret: boolean;
}

/** Headers that carry credentials by their meaning. */
const CREDENTIAL_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

/**
 * The request that a redirect asks for, by the rules of fetch, or why it is not made. What it asks for is not
 * authorised yet. Towards another origin every header with credentials or a secret is dropped and a body with a secret
 * is refused; https never becomes http. untrusted: `location`.
 */
export function nextHop(
  hop: Hop,
  status: number,
  location: string,
  hasSecret: (text: string) => boolean,
): Verdict<{ readonly hop: Hop }> {
  const current = hop.url;
  const absolute = URL.parse(location, current.href);
  const parsed = absolute === null ? null : parseRequestUrl(absolute.href, null);
  if (parsed === null || !parsed.allowed)
    return refused('to something that is not a plain http or https URL');
  const next = parsed.target.url;
  if (current.protocol === 'https:' && next.protocol === 'http:') return refused('from https to http');

  const toGet = (status === 303 && hop.method !== 'HEAD') || (status <= 302 && hop.method === 'POST');
  const moved: Hop = {
    ...hop,
    url: next,
    shown: parsed.target,
    ...(toGet && { method: 'GET', body: null, bodyHasSecret: false, headers: withoutContent(hop.headers) }),
  };
  if (next.origin === current.origin) return { allowed: true, hop: moved };

  if (moved.bodyHasSecret) {
    return refuse(
      'ERR_SECRET_DENIED',
      'The server redirected a body that contains a secret to another origin.',
    );
  }
  if ([location, next.href, decoded(next.href)].some(hasSecret)) {
    return refuse('ERR_SECRET_DENIED', 'The server redirected to another origin with a secret in the URL.');
  }
  const kept = moved.headers.filter(
    ([name]) => !CREDENTIAL_HEADERS.has(name) && !hop.secretHeaders.has(name),
  );
  return { allowed: true, hop: { ...moved, headers: kept, secretHeaders: new Set() } };
}

function withoutContent(headers: readonly HttpHeader[]): HttpHeader[] {
  return headers.filter(([name]) => !name.startsWith('content-'));
}

function decoded(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}

function refused(how: string): ReturnType<typeof refuse> {
  return refuse('ERR_HTTP_REDIRECTS', `The server redirected ${how}; that is not followed.`);
}
