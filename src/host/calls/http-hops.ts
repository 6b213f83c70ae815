import { grantsOf } from '../../model/grant.ts';
import { type Refusal, refuse, type Verdict } from '../../model/verdict.ts';
import { authorizeUrl, refuseAddress } from '../egress/authorize-url.ts';
import type { HttpFailure } from '../egress/http-failure.ts';
import { type HttpHeader, type HttpResponse, redirectLocation } from '../egress/http-response.ts';
import { refuseBytes } from '../egress/http-traffic.ts';
import { type Hop, nextHop } from '../egress/redirect.ts';
import { hostFailure } from '../failure.ts';
import type { Authority, CallServices, HostFailure, HostReply } from '../host-call.ts';
import { placeholderNames } from '../secrets/placeholder.ts';
import type { Redactor } from '../secrets/redact.ts';
import { bodySecrets, fillBody, fillHeader, fillUrl, type SecretValues } from '../secrets/substitute.ts';
import type { HttpRequest } from './decode-http-request.ts';
import { encodeResponseFrame } from './http-frame.ts';

const REDIRECTS_MAX = 5;

/** A request with its secrets in place. */
export function firstHop(
  request: HttpRequest,
  mark: string | null,
  values: SecretValues,
  held: Redactor | null,
): Verdict<{ readonly hop: Hop }> {
  const url = fillUrl(request.target, values);
  if (!url.allowed) return url;
  const headers: HttpHeader[] = [];
  const secretHeaders = new Set<string>();
  for (const [name, value] of request.headers) {
    const filled = fillHeader(name, value, mark, values);
    if (!filled.allowed) return filled;
    headers.push([name, filled.value]);
    if (placeholderNames(value, mark).length > 0 || held?.finds(value) === true) secretHeaders.add(name);
  }
  const contentType = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  const { body } = request;
  const hop: Hop = {
    url: url.url,
    shown: request.target,
    method: request.method,
    headers,
    secretHeaders,
    body: body === null ? null : fillBody(body, contentType, mark, values),
    bodyHasSecret: body !== null && (bodySecrets(body, mark).length > 0 || holds(held, body)),
  };
  return { allowed: true, hop };
}

function holds(held: Redactor | null, body: Uint8Array): boolean {
  return held !== null && held.namesIn(body).length > 0;
}

/** Sends a request and follows redirects; every hop is authorised anew. Everything it replies is redacted. */
export async function followHops(
  first: Hop,
  authority: Authority,
  services: CallServices,
  redactor: Redactor,
  signal: AbortSignal,
): Promise<HostReply> {
  let hop = first;
  for (let redirects = 0; ; redirects += 1) {
    const exchanged = await exchange(hop, authority, services, signal);
    if (!exchanged.allowed) return redactedFailure(exchanged, redactor);
    const { answer } = exchanged;
    if (answer.kind === 'failure') return redactedFailure(explain(answer, hop, authority), redactor);
    const location = redirectLocation(answer);
    if (location === null) return respond(answer, hop.url, authority, redactor);
    if (redirects === REDIRECTS_MAX) return hostFailure(tooManyRedirects());
    const next = nextHop(hop, answer.status, location, redactor.finds);
    if (!next.allowed) return redactedFailure(next, redactor);
    hop = next.hop;
  }
}

/** Authorises, counts and sends one hop. */
async function exchange(
  hop: Hop,
  authority: Authority,
  { http, traffic }: CallServices,
  signal: AbortSignal,
): Promise<Verdict<{ readonly answer: HttpResponse | HttpFailure }>> {
  // With the values in place: they must not have carried the path out of what was granted.
  const granted = authorizeUrl({ url: hop.url, tokens: [] }, hop.method, authority);
  if (!granted.allowed) return granted;
  const counted = traffic.begin(hop.url, hop.body?.byteLength ?? 0, granted.covering, authority);
  if (!counted.allowed) return counted;
  const { limits } = authority;
  const answer = await http.exchange(
    {
      method: hop.method,
      url: hop.url,
      headers: hop.headers,
      body: hop.body,
      permits: counted.permits,
      connectionsOf: connectionsOf(authority),
      connectTimeoutMs: limits.http_connect_ms,
      firstByteTimeoutMs: limits.http_first_byte_ms,
    },
    signal,
  );
  counted.end(answer.kind === 'response' ? answer.body.byteLength : (answer.receivedBytes ?? 0));
  return { allowed: true, answer };
}

/** Who shares open connections: one handler under one set of grants. A changed policy is another set. */
function connectionsOf(authority: Authority): string {
  const known = connectionsKnown.get(authority);
  if (known !== undefined) return known;
  const text = JSON.stringify([authority.handler, grantsOf(authority.grants, 'http')]);
  connectionsKnown.set(authority, text);
  return text;
}

/** An authority does not change. */
const connectionsKnown = new WeakMap<Authority, string>();

function explain(failure: HttpFailure, hop: Hop, authority: Authority): HttpFailure | Refusal {
  const { code, allowedBytes = Number.POSITIVE_INFINITY } = failure;
  if (code === 'ERR_HTTP_ADDRESS')
    return refuseAddress(hop.shown, hop.method, authority, failure.addresses ?? []);
  if (code === 'ERR_HTTP_TOO_LARGE' && allowedBytes < authority.limits.http_response_bytes) {
    return refuseBytes(authority.handler, hop.url.hostname, 'the answer has a larger body', allowedBytes);
  }
  return failure;
}

function redactedFailure(
  { code, message }: Pick<Refusal, 'code' | 'message'>,
  redactor: Redactor,
): HostFailure {
  return hostFailure({ code, message: redactor.text(message) });
}

function tooManyRedirects(): Refusal {
  return refuse(
    'ERR_HTTP_REDIRECTS',
    `The server redirected more than ${REDIRECTS_MAX} times; request the final URL directly.`,
  );
}

/** Headers of the connection, not of the message. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function respond(response: HttpResponse, url: URL, { limits }: Authority, redactor: Redactor): HostReply {
  const body = redactor.bytes(response.body);
  if (body.byteLength > limits.http_response_bytes) {
    return hostFailure(
      refuse(
        'ERR_HTTP_TOO_LARGE',
        'The answer without its secrets is larger than limits.http_response_bytes allows.',
      ),
    );
  }
  const headers = new Map<string, string>();
  for (const [name, value] of response.headers) {
    // Redacting changes the length.
    if (HOP_BY_HOP.has(name) || (name === 'content-length' && body !== response.body)) continue;
    const key = redactor.text(name);
    const before = headers.get(key);
    headers.set(key, redactor.text(before === undefined ? value : `${before}, ${value}`));
  }
  const head = {
    status: response.status,
    headers: Object.fromEntries(headers),
    url: redactor.text(url.href),
  };
  return { status: 0, payload: encodeResponseFrame(head, body) };
}
