import { refuse, type Verdict } from '../../model/verdict.ts';
import { checkRequestHeaders } from '../egress/request-headers.ts';
import { type HttpMethod, parseRequestUrl, type RequestUrl } from '../egress/url.ts';
import type { Authority } from '../host-call.ts';
import { hasForeignReference, placeholderNames } from '../secrets/placeholder.ts';
import { bodySecrets } from '../secrets/substitute.ts';
import { decodeRequestFrame, type RequestHead } from './http-frame.ts';

/** A request of a guest, decoded and checked; secrets are placeholders still. */
export interface HttpRequest {
  readonly method: HttpMethod;
  readonly target: RequestUrl;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  /** Names of the secrets it has placeholders for. */
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
}

/** Takes a request apart and checks all that does not depend on grants. untrusted: `payload`. */
export function decodeHttpRequest(
  payload: Uint8Array,
  { limits, secretMark: mark = null }: Authority,
): Verdict<{ readonly request: HttpRequest }> {
  const frame = decodeRequestFrame(payload);
  if (!frame.allowed) return frame;
  const { head, body } = frame;
  const unfit = checkBody(head, body, limits.http_request_bytes);
  if (!unfit.allowed) return unfit;
  const parsed = parseRequestUrl(head.url, mark);
  if (!parsed.allowed) return parsed;
  const checked = checkRequestHeaders(head.headers);
  if (!checked.allowed) return checked;
  const values = checked.headers.map(([, value]) => value);
  if ([head.url, ...values].some((text) => hasForeignReference(text, mark))) return foreignReference();
  const secrets = new Set([
    ...parsed.target.tokens.map(({ secret }) => secret),
    ...values.flatMap((value) => placeholderNames(value, mark)),
    ...bodySecrets(body, mark),
  ]);
  const request: HttpRequest = {
    method: head.method,
    target: parsed.target,
    headers: checked.headers,
    body: body.byteLength > 0 ? body : null,
    secrets: [...secrets],
    timeoutMs: Math.min(head.timeout_ms ?? limits.http_timeout_ms, limits.http_timeout_ms),
  };
  return { allowed: true, request: Object.freeze(request) };
}

function checkBody({ method }: RequestHead, { byteLength }: Uint8Array, allowed: number): Verdict {
  if (byteLength > allowed) {
    return refuse(
      'ERR_HTTP_TOO_LARGE',
      `http_request: body of ${byteLength} bytes; limits.http_request_bytes allows ${allowed}.`,
    );
  }
  if (byteLength > 0 && (method === 'GET' || method === 'HEAD')) {
    return refuse('ERR_HOST_CALL_INVALID', `http_request: ${method} has no body; got ${byteLength} bytes.`);
  }
  return { allowed: true };
}

function foreignReference(): ReturnType<typeof refuse> {
  return refuse(
    'ERR_SECRET_DENIED',
    'http_request: the URL or a header contains a reference to a secret that was not written in the configuration of ' +
      'this invocation. Only the configuration can refer to secrets; references in input, data or code are not followed.',
  );
}
