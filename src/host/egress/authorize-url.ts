import { explainMissing, type WantedScope } from '../../model/attenuate.ts';
import { grantsOf, type HttpGrant } from '../../model/grant.ts';
import { hostCovers, isAddressLiteral, pathCovers, portCovers } from '../../model/grant-scope.ts';
import { refuse, type Verdict } from '../../model/verdict.ts';
import type { Authority } from '../host-call.ts';
import { isDialable, networkOf } from './address.ts';
import { bareHost, describeUrl, type HttpMethod, portOf, type RequestUrl } from './url.ts';

/** Who asks, and what it may do. */
type Granted = Pick<Authority, 'handler' | 'grants'>;

/**
 * May the invocation send `method` to this URL? If so, by which grants: each on its own is enough. Pure; asked again for
 * every hop.
 */
export function authorizeUrl(
  target: RequestUrl,
  method: HttpMethod,
  authority: Granted,
): Verdict<{ readonly covering: readonly HttpGrant[] }> {
  const covering = grantsOf(authority.grants, 'http').filter((grant) => covers(grant, target.url, method));
  if (covering.length > 0) return { allowed: true, covering };
  const literal = isAddressLiteral(target.url.hostname) ? [bareHost(target.url)] : [];
  return refuse(
    'ERR_GRANT_MISSING',
    `No http grant of ${authority.handler} covers ${method} ${describeUrl(target)}. ` +
      `The handler's manifest must request it, the step must not narrow it away, and broker.toml must grant it:\n` +
      explainHttp(target, method, authority, literal),
    { capability: 'http' },
  );
}

/** The refusal of an address that the resolver gave, with the grant that would allow it. */
export function refuseAddress(
  target: RequestUrl,
  method: HttpMethod,
  authority: Granted,
  addresses: readonly string[],
): ReturnType<typeof refuse> {
  return refuse(
    'ERR_HTTP_ADDRESS',
    `${target.url.hostname} is at ${addresses.join(', ')}, which is not a public address, and no http grant of ` +
      `${authority.handler} names its network. To grant it, broker.toml:\n` +
      explainHttp(target, method, authority, addresses),
    { capability: 'http' },
  );
}

function covers(grant: HttpGrant, url: URL, method: HttpMethod): boolean {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  return (
    grant.schemes.includes(scheme) &&
    grant.hosts.some((pattern) => hostCovers(pattern, url.hostname)) &&
    grant.ports.some((port) => portCovers(port, portOf(url))) &&
    grant.methods.includes(method) &&
    pathCovers(grant.path_prefix, url.pathname)
  );
}

function explainHttp(
  target: RequestUrl,
  method: HttpMethod,
  authority: Granted,
  addresses: readonly string[],
): string {
  return explainMissing(authority.handler, 'http', wantedHttp(target, method, addresses));
}

/** The narrowest grant that covers a request to a host at these addresses. */
export function wantedHttp(
  target: RequestUrl,
  method: HttpMethod,
  addresses: readonly string[],
): WantedScope<'http'> {
  const networks = addresses
    .filter((address) => !isDialable(address, []))
    .map(networkOf)
    .filter((network) => network !== null);
  return {
    schemes: [target.url.protocol === 'https:' ? 'https' : 'http'],
    hosts: [target.url.hostname],
    ports: [portOf(target.url)],
    methods: [method],
    path_prefix: grantablePrefix(target),
    ...(networks.length > 0 && { private_networks: [...new Set(networks)] }),
  };
}

const PREFIX_CHARS_MAX = 200;

/** The path up to where a secret starts or it gets too long for a message, by whole segments. */
function grantablePrefix({ url, tokens }: RequestUrl): string {
  const path = url.pathname;
  const starts = tokens.map(({ token }) => path.indexOf(token)).filter((start) => start !== -1);
  const end = Math.min(...starts, PREFIX_CHARS_MAX);
  const prefix = end >= path.length ? path : path.slice(0, Math.max(1, path.lastIndexOf('/', end)));
  return pathCovers(prefix, path) ? prefix : '/';
}
