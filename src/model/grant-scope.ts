import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/*
 * What the scopes inside a grant cover. One rule per scope, used both to authorise a request and to intersect grants,
 * so that the two cannot disagree.
 */

export const ANY = '*';

/**
 * Does a host pattern cover a host? `host` is a URL's host name: lower case, IPv6 in brackets. `*.example.com` covers
 * exactly one label and never an address: the "labels" of 127.0.0.1 are not names.
 */
export function hostCovers(pattern: string, host: string): boolean {
  if (pattern === ANY || pattern === host) return true;
  if (!pattern.startsWith('*.') || isAddressLiteral(host)) return false;
  const suffix = pattern.slice(1);
  if (!host.endsWith(suffix)) return false;
  const label = host.slice(0, -suffix.length);
  return label !== '' && !label.includes('.');
}

/** A host of a URL that is an address and not a name. WHATWG URL has turned every IPv4 spelling into four decimals. */
export function isAddressLiteral(host: string): boolean {
  return host.startsWith('[') || isIPv4(host);
}

export function portCovers(allowed: number | typeof ANY, port: number): boolean {
  return allowed === ANY || allowed === port;
}

/**
 * Is `path` the prefix or does it lie under it, by whole segments? `path` is a parsed URL's. Where the prefix narrows
 * anything, a path whose encoding hides a dot segment (`%2e%2e%2f`) is not covered: the server may decode it.
 */
export function pathCovers(prefix: string, path: string): boolean {
  if (prefix === '/') return path.startsWith('/');
  return prefixCovers(prefix, path) && !hidesDotSegment(path);
}

/** Containment of two prefixes: everything under `inner` is under `outer`. */
export function prefixCovers(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
}

/** How often a path is decoded before it is taken for hostile; servers decode once, careless chains twice. */
const DECODE_MAX = 4;

function hidesDotSegment(path: string): boolean {
  let decoded = path;
  for (let round = 0; ; round += 1) {
    const next = decoded.replace(/%(2[ef5]|5c)/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (next === decoded) break;
    if (round === DECODE_MAX) return true;
    decoded = next;
  }
  // Some servers cut `;parameters` off a segment before they resolve dots.
  return decoded.split(/[\\/]/).some((segment) => /^\.\.?(;|$)/.test(segment));
}

/**
 * An address in the spelling that comparisons rely on: IPv4 as four decimals, also where IPv6 only carries it
 * (`::ffff:10.0.0.1`), other IPv6 without embedded decimals. Null for anything else; a zone id chooses an interface of
 * this machine and is refused.
 */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  // ipaddr.js reads `::10.0.0.1` as mapped, which it is not; the URL parser spells it `::a00:1`.
  const spelled = isIPv6(text) ? URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1) : undefined;
  return spelled === undefined ? null : ipaddr.process(spelled).toString();
}

/** Does the network, as CIDR, contain all of `inner`, an address or another CIDR? False for anything malformed. */
export function networkCovers(network: string, inner: string): boolean {
  const [outer, wanted] = [parseNetwork(network), parseNetwork(inner)];
  if (outer === null || wanted === null) return false;
  const [address, bits] = outer;
  return address.kind() === wanted[0].kind() && bits <= wanted[1] && wanted[0].match(address, bits);
}

type Network = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

/** Those of grants come again with every request. */
const networks = new Map<string, Network | null>();
const NETWORKS_KEPT_MAX = 1000;

function parseNetwork(text: string): Network | null {
  if (text.includes('/')) {
    const known = networks.get(text);
    if (known !== undefined) return known;
    if (networks.size >= NETWORKS_KEPT_MAX) networks.clear();
    const network = parseCidr(text);
    networks.set(text, network);
    return network;
  }
  const address = canonicalAddress(text);
  return address === null ? null : [parseCanonical(address), isIPv4(address) ? 32 : 128];
}

/** By kind: ipaddr.js tries one and throws inside before it tries the other, which costs more than all the rest. */
function parseCidr(text: string): Network | null {
  if (text.includes(':')) return ipaddr.IPv6.isValidCIDR(text) ? ipaddr.IPv6.parseCIDR(text) : null;
  return ipaddr.IPv4.isValidCIDR(text) ? ipaddr.IPv4.parseCIDR(text) : null;
}

/** An address that `canonicalAddress` has spelled. */
export function parseCanonical(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return isIPv4(address) ? ipaddr.IPv4.parse(address) : ipaddr.IPv6.parse(address);
}
