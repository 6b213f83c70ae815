import { type CapabilityName, LOG_LEVELS } from './abi.ts';
import type {
  CacheGrant,
  Grant,
  GrantInput,
  Grants,
  HttpGrant,
  LogGrant,
  SecretGrant,
  SecretReadGrant,
  WaitGrant,
} from './grant.ts';
import { ANY, hostCovers, networkCovers, prefixCovers } from './grant-scope.ts';

/**
 * The grants of an invocation: requested ∩ policy ∩ narrowed. It allows what every list allows and nothing else. An
 * empty or missing list of grants or inside a grant means nothing; only `narrowed`, when the step has none, does not
 * narrow.
 */
export function effectiveGrants(requested: Grants, policy: Grants, narrowed?: Grants): Grants {
  const granted = intersect(requested, policy);
  return Object.freeze(narrowed === undefined ? granted : intersect(granted, narrowed));
}

/** Each grant of one list with each of the other: a request must be covered by one grant of both. */
function intersect(left: Grants, right: Grants): Grant[] {
  const result = new Map<string, Grant>();
  for (const one of left) {
    for (const other of right) {
      const both = intersectGrants(one, other);
      if (both !== null) result.set(JSON.stringify(both), Object.freeze(both));
    }
  }
  return [...result.values()];
}

/** How two grants of the same capability meet; null where nothing is left. */
const MEET: {
  readonly [Name in CapabilityName]: (one: GrantOf<Name>, other: GrantOf<Name>) => Grant | null;
} = {
  log: intersectLog,
  time: (one, other) => ({ capability: 'time', advance: one.advance && other.advance }),
  http: intersectHttp,
  secret: intersectSecret,
  secret_read: intersectSecretRead,
  wait: intersectWait,
  random: () => ({ capability: 'random' }),
  cache: intersectCache,
};

type GrantOf<Name extends CapabilityName> = Extract<Grant, { capability: Name }>;

function intersectGrants(one: Grant, other: Grant): Grant | null {
  if (one.capability !== other.capability) return null;
  const meet = MEET[one.capability] as (one: Grant, other: Grant) => Grant | null;
  return meet(one, other);
}

function intersectLog(one: LogGrant, other: LogGrant): LogGrant {
  return LOG_LEVELS[one.level] >= LOG_LEVELS[other.level] ? { ...one } : { ...other };
}

function intersectWait(one: WaitGrant, other: WaitGrant): WaitGrant {
  return one.timeout_ms <= other.timeout_ms ? { ...one } : { ...other };
}

function intersectCache(one: CacheGrant, other: CacheGrant): CacheGrant {
  return {
    capability: 'cache',
    ttl_ms: Math.min(one.ttl_ms, other.ttl_ms),
    value_bytes: Math.min(one.value_bytes, other.value_bytes),
  };
}

function intersectHttp(one: HttpGrant, other: HttpGrant): HttpGrant | null {
  const path = narrowerPrefix(one.path_prefix, other.path_prefix);
  const schemes = pairs(one.schemes, other.schemes, same);
  const hosts = pairs(one.hosts, other.hosts, narrowerHost);
  const ports = pairs(one.ports, other.ports, withAny);
  const methods = pairs(one.methods, other.methods, same);
  if (path === null || [schemes, hosts, ports, methods].some((list) => list.length === 0)) return null;
  const networks = pairs(one.private_networks, other.private_networks, narrowerNetwork);
  return {
    capability: 'http',
    schemes,
    hosts,
    ports,
    methods,
    path_prefix: path,
    private_networks: networks,
    ...smaller('requests', one, other),
    ...smaller('bytes', one, other),
    ...smaller('per_second', one, other),
  };
}

/** Counting goes by host and not by grant, so that the smaller of two bounds allows exactly what both allow. */
function smaller<Name extends 'requests' | 'bytes' | 'per_second'>(
  name: Name,
  one: HttpGrant,
  other: HttpGrant,
): { readonly [Key in Name]?: number } {
  const bounds = [one[name], other[name]].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? {} : ({ [name]: Math.min(...bounds) } as { readonly [Key in Name]: number });
}

function intersectSecret(one: SecretGrant, other: SecretGrant): SecretGrant | null {
  const names = pairs(one.names, other.names, withAny);
  const hosts = pairs(one.hosts, other.hosts, narrowerHost);
  if (names.length === 0 || hosts.length === 0) return null;
  return { capability: 'secret', names, hosts, plain_http: one.plain_http && other.plain_http };
}

function intersectSecretRead(one: SecretReadGrant, other: SecretReadGrant): SecretReadGrant | null {
  const names = pairs(one.names, other.names, withAny);
  return names.length === 0 ? null : { capability: 'secret_read', names };
}

/**
 * What both lists name, where a pattern can name more than itself. Equal names are looked up and not compared each with
 * each: a manifest and a step can bring long lists.
 */
function pairs<Item>(
  left: readonly Item[],
  right: readonly Item[],
  meet: (left: Item, right: Item) => Item | null,
): Item[] {
  const met = new Set<Item>();
  const names = new Set(right);
  const patterns = right.filter(isPattern);
  for (const one of left) {
    if (!isPattern(one) && names.has(one)) met.add(one);
    for (const other of isPattern(one) ? right : patterns) {
      const both = meet(one, other);
      if (both !== null) met.add(both);
    }
  }
  return [...met];
}

/** `*`, `*.example.com`, `10.0.0.0/8` */
function isPattern(item: unknown): boolean {
  return typeof item === 'string' && (item.startsWith(ANY) || item.includes('/'));
}

function same<Item>(one: Item, other: Item): Item | null {
  return one === other ? one : null;
}

function withAny<Item>(one: Item, other: Item): Item | null {
  if (one === ANY) return other;
  return other === ANY || one === other ? one : null;
}

function narrowerHost(one: string, other: string): string | null {
  if (hostCovers(one, other)) return other;
  return hostCovers(other, one) ? one : null;
}

function narrowerPrefix(one: string, other: string): string | null {
  if (prefixCovers(one, other)) return other;
  return prefixCovers(other, one) ? one : null;
}

function narrowerNetwork(one: string, other: string): string | null {
  if (networkCovers(one, other)) return other;
  return networkCovers(other, one) ? one : null;
}

/** The scope of a grant as it is written down, without the name of its capability. */
export type WantedScope<Name extends CapabilityName> = Omit<
  Extract<GrantInput, { capability: Name }>,
  'capability'
>;

/** What stands in the block where nothing is known about the call yet. */
const EXAMPLE_SCOPES: { readonly [Name in CapabilityName]: WantedScope<Name> } = {
  log: {},
  time: {},
  http: { schemes: ['https'], hosts: ['api.example.com'], ports: [443], methods: ['GET'] },
  secret: { names: ['NAME'], hosts: ['api.example.com'] },
  secret_read: { names: ['NAME'] },
  wait: { timeout_ms: 3_600_000 },
  random: {},
  cache: { ttl_ms: 60_000 },
};

/**
 * The lines of broker.toml that would grant `wanted` to a handler, ready to paste: TOML whatever the values contain.
 * Without `wanted`, an example scope to edit.
 */
export function explainMissing<Name extends CapabilityName>(
  handler: string,
  capability: Name,
  wanted: WantedScope<Name> = EXAMPLE_SCOPES[capability],
): string {
  const lines = [`[[grants.${tomlKey(handler)}]]`, `capability = ${tomlString(capability)}`];
  for (const [key, value] of Object.entries(wanted)) {
    if (value !== undefined) lines.push(`${key} = ${tomlValue(value)}`);
  }
  return lines.join('\n');
}

function tomlKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : tomlString(name);
}

function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  return typeof value === 'string' ? tomlString(value) : String(value);
}

/** JSON's escapes are those of a TOML basic string, except that TOML also wants DEL escaped. */
function tomlString(value: string): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}
