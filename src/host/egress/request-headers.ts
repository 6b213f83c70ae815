import { refuse, type Verdict } from '../../model/verdict.ts';

/** Headers that decide about the connection or the framing, or that name the host: the client alone sets them. */
const FORBIDDEN = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);

const HEADERS_MAX = 64;
const HEADER_BYTES_MAX = 16 * 1024;
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** May this text stand in a header's value? No CR, LF, NUL or other control, one byte per character. */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** Checks the headers of a guest and returns them with names in lower case. untrusted: `headers`. */
export function checkRequestHeaders(
  headers: Readonly<Record<string, string>>,
): Verdict<{ readonly headers: readonly (readonly [string, string])[] }> {
  const entries = Object.entries(headers);
  if (entries.length > HEADERS_MAX) return invalid(`expected at most ${HEADERS_MAX}, got ${entries.length}`);
  const checked = new Map<string, string>();
  let bytes = 0;
  for (const [given, value] of entries) {
    const name = given.toLowerCase();
    const shown = JSON.stringify(given.slice(0, 60));
    if (!TOKEN.test(given)) return invalid(`${shown} is not a header name`);
    if (FORBIDDEN.has(name) || name.startsWith('proxy-')) {
      return invalid(`${shown} is set by the host; leave it out`);
    }
    if (!isHeaderValue(value)) {
      return invalid(`the value of ${shown} has a line break, a control character or one beyond Latin-1`);
    }
    if (checked.has(name)) return invalid(`${shown} occurs more than once`);
    bytes += given.length + value.length + 4;
    if (bytes > HEADER_BYTES_MAX) return invalid(`expected at most ${HEADER_BYTES_MAX} bytes in all`);
    checked.set(name, value);
  }
  return { allowed: true, headers: [...checked] };
}

function invalid(why: string): ReturnType<typeof refuse> {
  return refuse('ERR_HOST_CALL_INVALID', `http_request: headers: ${why}.`);
}
