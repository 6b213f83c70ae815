import { type HttpGrant, PER_SECOND_MAX } from '../../model/grant.ts';
import type { Limits } from '../../model/limits.ts';
import { type Refusal, refuse, type Verdict } from '../../model/verdict.ts';
import type { HttpPermit } from './http-exchange.ts';

/*
 * Holds `requests`, `bytes` and `per_second` of http grants against what was sent. Everything is counted by host, whichever
 * grant allowed it: so neither overlapping nor split grants multiply a bound, and the smaller of two bounds allows exactly
 * what both allow (docs/decisions/http-counts-by-host.md).
 */

/** One request that is counted. Each permit on its own is enough for it. */
export interface CountedRequest {
  readonly permits: readonly HttpPermit[];
  /** Must be called once, with what was received. Until then the whole allowance counts as used. */
  readonly end: (receivedBytes: number) => void;
}

/** The broker's record of an invocation, one object for each. */
export interface CountedInvocation {
  readonly handler: string;
  readonly limits: Pick<Limits, 'http_response_bytes'>;
}

/** Counts HTTP requests by invocation and host, and by handler and host. */
export interface HttpTraffic {
  /** Counts a request that these grants cover, or says which of their bounds it would break. */
  begin(
    url: URL,
    bodyBytes: number,
    covering: readonly HttpGrant[],
    invocation: CountedInvocation,
  ): Verdict<CountedRequest>;
}

/** What one invocation has exchanged with one host. */
interface Spent {
  requests: number;
  bytes: number;
}

/** `nowMs` is a clock that only goes forward. */
export function createHttpTraffic(nowMs: () => number): HttpTraffic {
  // By the broker's own record of the invocation: a count ends with it.
  const invocations = new WeakMap<CountedInvocation, Map<string, Spent>>();
  const rates = createRates(nowMs);

  const spentOf = (invocation: CountedInvocation, host: string): Spent => {
    const byHost = invocations.get(invocation) ?? new Map<string, Spent>();
    invocations.set(invocation, byHost);
    const spent = byHost.get(host) ?? { requests: 0, bytes: 0 };
    byHost.set(host, spent);
    return spent;
  };

  const traffic: HttpTraffic = {
    begin(url, bodyBytes, covering, invocation): Verdict<CountedRequest> {
      const host = url.hostname;
      const { handler, limits } = invocation;
      const spent = spentOf(invocation, host);
      const byCount = covering.filter(({ requests = ANY }) => spent.requests < requests);
      if (byCount.length === 0) return refuseRequests(handler, host, largest(covering, 'requests'));
      const byBytes = byCount.filter(({ bytes = ANY }) => spent.bytes + bodyBytes <= bytes);
      if (byBytes.length === 0) {
        const left = Math.max(0, largest(byCount, 'bytes') - spent.bytes);
        return refuseBytes(handler, host, `the request has a body of ${bodyBytes}`, left);
      }
      const rate = rates.of(handler, host);
      const byRate = byBytes.filter(({ per_second = ANY }) => rate.lastSecond() < per_second);
      if (byRate.length === 0) return refuseRate(handler, host, largest(byBytes, 'per_second'));

      const permits = byRate
        .map(({ private_networks, bytes = ANY }) => ({
          privateNetworks: private_networks,
          maxResponseBytes: Math.min(limits.http_response_bytes, bytes - spent.bytes - bodyBytes),
        }))
        .sort((one, other) => other.maxResponseBytes - one.maxResponseBytes);
      const reserved = bodyBytes + (permits[0]?.maxResponseBytes ?? 0);
      spent.requests += 1;
      spent.bytes += reserved;
      if (covering.some(({ per_second }) => per_second !== undefined)) rate.note();
      const end = (receivedBytes: number) => {
        spent.bytes += bodyBytes + receivedBytes - reserved;
      };
      return { allowed: true, permits, end };
    },
  };
  return Object.freeze(traffic);
}

const ANY = Number.POSITIVE_INFINITY;

function largest(grants: readonly HttpGrant[], bound: 'requests' | 'bytes' | 'per_second'): number {
  return Math.max(...grants.map((grant) => grant[bound] ?? ANY));
}

const WINDOW_MS = 1000;
/** Above this many hosts, those that were not asked within the last second are forgotten. */
const HOSTS_KEPT = 1000;

/** Moments of the requests of the last second, by handler and host. */
function createRates(nowMs: () => number) {
  const moments = new Map<string, number[]>();

  const recent = (key: string): number[] => {
    const from = nowMs() - WINDOW_MS;
    const kept = (moments.get(key) ?? []).filter((moment) => moment > from);
    if (kept.length === 0) moments.delete(key);
    else moments.set(key, kept);
    return kept;
  };

  return {
    of(handler: string, host: string) {
      const key = `${handler} ${host}`;
      return {
        lastSecond: () => recent(key).length,
        note: () => {
          if (moments.size > HOSTS_KEPT) for (const known of [...moments.keys()]) recent(known);
          moments.set(key, [...recent(key), nowMs()].slice(-PER_SECOND_MAX));
        },
      };
    },
  };
}

function refuseRequests(handler: string, host: string, allowed: number): Refusal {
  return refuse(
    'ERR_GRANT_REQUESTS',
    `The http grant of ${handler} allows ${allowed} requests to ${host} in one invocation (requests = ${allowed}), this ` +
      `would be one more. ${whereToRaise('requests', handler)}`,
    { capability: 'http' },
  );
}

/** The refusal of what would exceed `bytes`, sent or received. `what` is told as it stands. */
export function refuseBytes(handler: string, host: string, what: string, leftBytes: number): Refusal {
  return refuse(
    'ERR_GRANT_BYTES',
    `The http grant of ${handler} bounds the bytes that one invocation exchanges with ${host} (bytes), and of them ` +
      `${leftBytes} are left: ${what}. ${whereToRaise('bytes', handler)}`,
    { capability: 'http' },
  );
}

function refuseRate(handler: string, host: string, allowed: number): Refusal {
  return refuse(
    'ERR_GRANT_RATE',
    `The http grant of ${handler} allows ${allowed} requests to ${host} in any second (per_second = ${allowed}). ` +
      `${whereToRaise('per_second', handler)}`,
    { capability: 'http' },
  );
}

function whereToRaise(setting: string, handler: string): string {
  return (
    `To allow more, raise ${setting} in [[grants.${handler}]] of broker.toml; the handler's manifest and the step can ` +
    `only lower it.`
  );
}
