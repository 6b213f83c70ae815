import { policyFor } from '../broker/policy.ts';
import type { Config } from '../config.ts';
import type { ErrorCode } from '../errors.ts';
import { isDialable } from '../host/egress/address.ts';
import { authorizeUrl, refuseAddress, wantedHttp } from '../host/egress/authorize-url.ts';
import { bareHost, type HttpMethod, parseRequestUrl, type RequestUrl } from '../host/egress/url.ts';
import { CAPABILITIES, type CapabilityName } from '../model/abi.ts';
import { effectiveGrants, explainMissing } from '../model/attenuate.ts';
import { type Grants, grantsOf } from '../model/grant.ts';
import { hostCovers, isAddressLiteral } from '../model/grant-scope.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Refusal } from '../model/verdict.ts';

/** What a handler may do under a policy, and why. A step can narrow it further. */
export interface GrantsExplained {
  readonly handler: string;
  readonly version: string;
  readonly requested: Grants;
  readonly policy: Grants;
  readonly effective: Grants;
  /** Capabilities that the manifest requests and of which nothing is granted. */
  readonly missing: readonly CapabilityName[];
  readonly call: CallExplained | null;
}

/** The verdict on one HTTP request, and on which side something is missing. */
export interface CallExplained {
  readonly method: HttpMethod;
  readonly url: string;
  /** Addresses that were checked; null when the host is a name that was not looked up. */
  readonly addresses: readonly string[] | null;
  /** Does it request the call? Null when the URL can be sent by nobody. */
  readonly manifest: boolean | null;
  readonly policy: boolean | null;
  readonly allowed: boolean;
  readonly code: ErrorCode | null;
  readonly message: string;
  /** What to add to broker.toml; null when its policy allows the call. */
  readonly toml: string | null;
  /** What to add to `capabilities` of the manifest; null when it requests the call. */
  readonly capability: Readonly<Record<string, unknown>> | null;
  /** Secrets that may be sent there. */
  readonly secrets: readonly string[];
}

export interface CallAsked {
  readonly method: HttpMethod;
  readonly url: string;
  /** Addresses of a name. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

/** Explains the grants of a handler, and one call if there is one. */
export async function explainGrants(
  manifest: Manifest,
  config: Config,
  asked: CallAsked | null,
): Promise<GrantsExplained> {
  const requested = manifest.capabilities;
  const policy = policyFor(config, manifest.name);
  const effective = effectiveGrants(requested, policy);
  const missing = CAPABILITIES.filter(
    (capability) =>
      grantsOf(requested, capability).length > 0 && grantsOf(effective, capability).length === 0,
  );
  const lists = { requested, policy, effective };
  const call = asked === null ? null : await explainCall(manifest, lists, asked);
  return { handler: manifest.name, version: manifest.version, ...lists, missing, call };
}

async function explainCall(
  manifest: Manifest,
  lists: Pick<GrantsExplained, 'requested' | 'policy' | 'effective'>,
  { method, url: text, resolve }: CallAsked,
): Promise<CallExplained> {
  const parsed = parseRequestUrl(text, null);
  const unasked = { manifest: null, policy: null, toml: null, capability: null, secrets: [] };
  if (!parsed.allowed) return { method, url: text, addresses: null, ...refusalOf(parsed), ...unasked };
  const { target } = parsed;
  const addresses = await addressesOf(target.url, resolve);
  const verdictOf = (grants: Grants) =>
    authorize(target, method, { handler: manifest.name, grants }, addresses ?? []);
  const verdict = verdictOf(lists.effective);
  const inManifest = verdictOf(lists.requested) === null;
  const inPolicy = verdictOf(lists.policy) === null;
  const wanted = wantedHttp(target, method, addresses ?? []);
  return {
    method,
    url: target.url.href,
    addresses,
    manifest: inManifest,
    policy: inPolicy,
    ...(verdict === null ? { allowed: true, code: null, message: '' } : refusalOf(verdict)),
    toml: inPolicy ? null : explainMissing(manifest.name, 'http', wanted),
    capability: inManifest ? null : { capability: 'http', ...wanted },
    secrets: grantsOf(lists.effective, 'secret')
      .filter(
        ({ hosts, plain_http }) => reaches(hosts, target.url) && (plain_http || isEncrypted(target.url)),
      )
      .flatMap(({ names }) => names),
  };
}

/** The refusal that the boundary would answer, or null. */
function authorize(
  target: RequestUrl,
  method: HttpMethod,
  authority: Parameters<typeof authorizeUrl>[2],
  addresses: readonly string[],
): Refusal | null {
  const granted = authorizeUrl(target, method, authority);
  if (!granted.allowed) return granted;
  const refused = granted.covering.map((grant) =>
    addresses.filter((address) => !isDialable(address, grant.private_networks)),
  );
  const fewest = refused.sort((one, other) => one.length - other.length)[0] ?? [];
  return fewest.length === 0 ? null : refuseAddress(target, method, authority, fewest);
}

async function addressesOf(url: URL, resolve: CallAsked['resolve']): Promise<readonly string[] | null> {
  if (isAddressLiteral(url.hostname)) return [bareHost(url)];
  return resolve === undefined ? null : await resolve(url.hostname);
}

/** The first line says why; the lines to paste follow apart. */
function refusalOf({ code, message }: Refusal): Pick<CallExplained, 'allowed' | 'code' | 'message'> {
  return { allowed: false, code, message: message.split('\n', 1)[0] ?? '' };
}

function reaches(hosts: readonly string[], url: URL): boolean {
  return hosts.some((pattern) => hostCovers(pattern, url.hostname));
}

function isEncrypted(url: URL): boolean {
  return url.protocol === 'https:';
}
