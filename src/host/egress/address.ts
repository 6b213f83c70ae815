import { isIPv4 } from 'node:net';
import { canonicalAddress, networkCovers, parseCanonical } from '../../model/grant-scope.ts';

/** Global unicast as IANA assigns it (RFC 4291 §2.4): everything public in IPv6 lies here. */
const GLOBAL_UNICAST_V6 = '2000::/3';

/**
 * May this address be dialled? Public ones may; loopback, private, link-local, metadata, CGNAT, NAT64, 6to4, Teredo,
 * documentation, multicast and every other special range only where `privateNetworks` (CIDR) contains it. IPv4-mapped
 * addresses count as the IPv4 address they carry. False for anything that is not an address.
 */
export function isDialable(address: string, privateNetworks: readonly string[]): boolean {
  const canonical = canonicalAddress(address);
  if (canonical === null) return false;
  return isPublic(canonical) || privateNetworks.some((network) => networkCovers(network, canonical));
}

function isPublic(canonical: string): boolean {
  const parsed = parseCanonical(canonical);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || networkCovers(GLOBAL_UNICAST_V6, canonical);
}

/** The smallest network that contains an address, as it stands in `private_networks`; null for what is no address. */
export function networkOf(address: string): string | null {
  const canonical = canonicalAddress(address);
  return canonical === null ? null : `${canonical}/${isIPv4(canonical) ? 32 : 128}`;
}

/** Do two spellings name the same address? */
export function sameAddress(one: string, other: string): boolean {
  const canonical = canonicalAddress(one);
  return canonical !== null && canonical === canonicalAddress(other);
}
