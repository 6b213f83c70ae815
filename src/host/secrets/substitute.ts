import { refuse, type Verdict } from '../../model/verdict.ts';
import { isHeaderValue } from '../egress/request-headers.ts';
import type { RequestUrl } from '../egress/url.ts';
import { percentEncode } from './forms.ts';
import { fillPlaceholders, placeholderNames } from './placeholder.ts';

export type SecretValues = ReadonlyMap<string, string>;

/** The URL with every token replaced by its secret, encoded so that scheme, host, path and query keep their structure. */
export function fillUrl({ url, tokens }: RequestUrl, values: SecretValues): Verdict<{ readonly url: URL }> {
  if (tokens.length === 0) return { allowed: true, url };
  let sent = url.pathname + url.search;
  for (const { token, secret } of tokens) {
    sent = sent.replaceAll(token, () => percentEncode(values.get(secret) ?? ''));
  }
  const filled = URL.parse(url.origin + sent);
  // A parser that would still change something has seen structure (such as `..`) that was not authorised.
  if (filled === null || filled.pathname + filled.search !== sent || filled.origin !== url.origin) {
    return refuse('ERR_SECRET_UNAVAILABLE', 'http_request: the value of a secret cannot stand in this URL.');
  }
  return { allowed: true, url: filled };
}

/** One header's value with its secrets in place. */
export function fillHeader(
  name: string,
  value: string,
  mark: string | null,
  values: SecretValues,
): Verdict<{ readonly value: string }> {
  const filled = fillPlaceholders(value, mark, (secret) => values.get(secret) ?? '');
  if (isHeaderValue(filled)) return { allowed: true, value: filled };
  return refuse(
    'ERR_SECRET_UNAVAILABLE',
    `http_request: the value of ${placeholderNames(value, mark).join(', ')} has a line break or another character that ` +
      `cannot stand in the header ${name}.`,
  );
}

/**
 * The body with its secrets in place: as a string in JSON, URL-encoded in a form, as they are anywhere else. Bytes that
 * are no placeholder stay as they are.
 */
export function fillBody(
  body: Uint8Array,
  contentType: string,
  mark: string | null,
  values: SecretValues,
): Uint8Array {
  const encode = escapeFor(contentType);
  const filled = fillPlaceholders(latin1(body), mark, (secret) =>
    Buffer.from(encode(values.get(secret) ?? ''), 'utf8').toString('latin1'),
  );
  return Buffer.from(filled, 'latin1');
}

/** Names of the secrets that a body has placeholders for. */
export function bodySecrets(body: Uint8Array, mark: string | null): string[] {
  return placeholderNames(latin1(body), mark);
}

/** Latin-1 maps bytes to characters one to one; a placeholder is ASCII in every encoding that HTTP bodies use. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function escapeFor(contentType: string): (value: string) => string {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) {
    return (value) => JSON.stringify(value).slice(1, -1);
  }
  return type === 'application/x-www-form-urlencoded' ? percentEncode : (value) => value;
}
