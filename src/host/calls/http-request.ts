import { type Grant, grantsOf } from '../../model/grant.ts';
import type { Verdict } from '../../model/verdict.ts';
import { authorizeUrl } from '../egress/authorize-url.ts';
import { abortFailure } from '../egress/http-failure.ts';
import { describeUrl } from '../egress/url.ts';
import { hostFailure } from '../failure.ts';
import type { Authority, CallServices, HostCall, HostReply } from '../host-call.ts';
import { authorizeSecrets } from '../secrets/authorize-secrets.ts';
import { loadSecrets } from '../secrets/load-secrets.ts';
import { decodeHttpRequest, type HttpRequest } from './decode-http-request.ts';
import { heldIn } from './held-secrets.ts';
import { firstHop, followHops } from './http-hops.ts';

/** Sends one HTTP request, redirects included, to places that the grants allow. */
export const httpRequest: HostCall<HttpRequest> = Object.freeze({
  name: 'http_request',
  wireNumber: 1,
  decode: decodeHttpRequest,
  authorize,
  describe: ({ method, target, body }: HttpRequest) => ({
    target: `${method} ${describeUrl(target)}`,
    requestBytes: body?.byteLength ?? 0,
  }),
  perform,
});

function authorize(request: HttpRequest, authority: Authority): Verdict<{ readonly grant: Grant }> {
  const place = authorizeUrl(request.target, request.method, authority);
  if (!place.allowed) return place;
  // What a guest holds may go where a reference may go, and nowhere else.
  const secrets = [...request.secrets, ...heldIn(request, authority.usedSecrets)];
  const bound = authorizeSecrets(secrets, request.target.url, authority);
  return bound.allowed ? { allowed: true, grant: coveringGrant(request, authority) } : bound;
}

/** The first grant that allows the request by itself; there is one. */
function coveringGrant({ target, method }: HttpRequest, authority: Authority): Grant {
  const grants = grantsOf(authority.grants, 'http');
  const alone = (grant: Grant) => authorizeUrl(target, method, { ...authority, grants: [grant] }).allowed;
  return grants.find(alone) ?? (grants[0] as Grant);
}

async function perform(
  request: HttpRequest,
  authority: Authority,
  services: CallServices,
  signal: AbortSignal,
): Promise<HostReply> {
  const { signal: deadline, clear } = deadlineOf(request.timeoutMs, signal);
  try {
    const loaded = await loadSecrets(request.secrets, services.secrets, deadline);
    if (!loaded.allowed) return hostFailure(loaded);
    authority.usedSecrets.add(loaded.values);
    const { held } = authority.usedSecrets;
    const first = firstHop(request, authority.secretMark ?? null, loaded.values, held);
    if (!first.allowed) return hostFailure(first);
    return await followHops(first.hop, authority, services, authority.usedSecrets.redactor, deadline);
  } catch (error) {
    if (deadline.aborted) return hostFailure(abortFailure(deadline));
    throw error;
  } finally {
    clear();
  }
}

/** Aborts after the time or with `outer`. By hand: `AbortSignal.any` costs more than the rest of a small request. */
function deadlineOf(timeoutMs: number, outer: AbortSignal) {
  const controller = new AbortController();
  const end = () => controller.abort(outer.reason);
  const timer = setTimeout(() => controller.abort(new DOMException('timed out', 'TimeoutError')), timeoutMs);
  outer.addEventListener('abort', end, { once: true });
  if (outer.aborted) end();
  const clear = () => {
    clearTimeout(timer);
    outer.removeEventListener('abort', end);
  };
  return { signal: controller.signal, clear };
}
