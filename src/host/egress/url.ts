import type { HttpGrant } from '../../model/grant.ts';
import { refuse, type Verdict } from '../../model/verdict.ts';
import { splitPlaceholders } from '../secrets/placeholder.ts';

export type HttpMethod = HttpGrant['methods'][number];

/**
 * A URL parsed once; what was authorised is what is dialled. Placeholders of secrets in path and query are replaced by
 * tokens of letters and digits, so that parsing cannot take them apart and no value can take part in the decision.
 */
export interface RequestUrl {
  readonly url: URL;
  /** The secret that each token stands for. */
  readonly tokens: readonly { readonly token: string; readonly secret: string }[];
}

/** Takes a URL of a guest apart. untrusted: `text`. */
export function parseRequestUrl(text: string, mark: string | null): Verdict<{ readonly target: RequestUrl }> {
  // The URL parser would drop these silently.
  if (/[\0-\x20\x7f]/.test(text)) return invalid('it contains white space or control characters');
  const parts = splitPlaceholders(text, mark);
  const tokens: { token: string; secret: string }[] = [];
  const tokenized = parts.map((part, index) => {
    if (index % 2 === 0) return part;
    const token = `s${mark}n${tokens.length}e`;
    tokens.push({ token, secret: part });
    return token;
  });
  const url = URL.parse(tokenized.join(''));
  if (url === null) return invalid('it is not an absolute URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return invalid('its scheme is neither https nor http');
  if (url.username !== '' || url.password !== '') {
    return invalid('it contains a user name or password; send credentials in a header');
  }
  if (tokens.some(({ token }) => url.host.includes(token))) {
    return invalid('a secret may stand in its path or query only, not in scheme, host or port');
  }
  url.hash = '';
  const sent = url.pathname + url.search;
  return {
    allowed: true,
    target: Object.freeze({ url, tokens: tokens.filter(({ token }) => sent.includes(token)) }),
  };
}

function invalid(why: string): ReturnType<typeof refuse> {
  return refuse('ERR_HOST_CALL_INVALID', `http_request: url: ${why}.`);
}

/** `https://host[:port]/path` for people: no query, secrets by name, at most `TARGET_CHARS_MAX` characters. */
export function describeUrl({ url, tokens }: RequestUrl): string {
  let path = url.pathname;
  for (const { token, secret } of tokens) path = path.replaceAll(token, () => `\${secrets.${secret}}`);
  const whole = `${url.origin}${path}${url.search === '' ? '' : '?…'}`;
  return whole.length > TARGET_CHARS_MAX ? `${whole.slice(0, TARGET_CHARS_MAX)}…` : whole;
}

const TARGET_CHARS_MAX = 300;

/** Port that is dialled. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/** The host without the brackets that a URL puts around an IPv6 address. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
