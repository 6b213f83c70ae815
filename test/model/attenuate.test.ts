import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { CAPABILITIES, LOG_LEVELS } from '../../src/model/abi.ts';
import { effectiveGrants, explainMissing } from '../../src/model/attenuate.ts';
import { type GrantInput, Grants } from '../../src/model/grant.ts';

const grants = (...list: readonly GrantInput[]) => Grants.parse(list);

const http = (overrides: Partial<Extract<GrantInput, { capability: 'http' }>> = {}): GrantInput => ({
  capability: 'http',
  schemes: ['https'],
  hosts: ['a.com'],
  ports: [443],
  methods: ['GET'],
  ...overrides,
});

/* An oracle that shares no code with the implementation: it evaluates one request against each list on its own. */

interface HttpCall {
  readonly scheme: 'https' | 'http';
  readonly host: string;
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** As a number, and the network it lies in is 10.A.B.C. */
  readonly address: readonly [number, number, number];
  /** What has been sent there before. */
  readonly before: { readonly requests: number; readonly bytes: number; readonly per_second: number };
}

function hostMatches(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  const wanted = pattern.split('.');
  const got = host.split('.');
  return (
    wanted.length === got.length && wanted.every((label, index) => label === '*' || label === got[index])
  );
}

function inNetwork(cidr: string, [a, b, c]: HttpCall['address']): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  const number = network.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  const address = ((10 * 256 + a) * 256 + b) * 256 + c;
  return Math.floor(number / size) === Math.floor(address / size);
}

function underPrefix(prefix: string, path: string): boolean {
  const wanted = prefix.split('/').filter((part) => part !== '');
  const got = path.split('/').filter((part) => part !== '');
  return wanted.every((part, index) => part === got[index]);
}

function allowsHttp(list: Grants, call: HttpCall): boolean {
  return list.some(
    (grant) =>
      grant.capability === 'http' &&
      grant.schemes.includes(call.scheme) &&
      grant.hosts.some((pattern) => hostMatches(pattern, call.host)) &&
      grant.ports.some((port) => port === '*' || port === call.port) &&
      grant.methods.includes(call.method) &&
      underPrefix(grant.path_prefix, call.path) &&
      grant.private_networks.some((network) => inNetwork(network, call.address)) &&
      (['requests', 'bytes', 'per_second'] as const).every(
        (bound) => grant[bound] === undefined || call.before[bound] < grant[bound],
      ),
  );
}

function allowsSecret(list: Grants, name: string, host: string, plain: boolean): boolean {
  return list.some(
    (grant) =>
      grant.capability === 'secret' &&
      (grant.names.includes('*') || grant.names.includes(name)) &&
      grant.hosts.some((pattern) => hostMatches(pattern, host)) &&
      (!plain || grant.plain_http),
  );
}

function allowsLog(list: Grants, level: number): boolean {
  return list.some((grant) => grant.capability === 'log' && level >= LOG_LEVELS[grant.level]);
}

const HOSTS = ['*', '*.com', '*.a.com', 'a.com', 'b.com', 'x.a.com', 'y.x.a.com', '*.x.a.com'];
const NETWORKS = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3/32', '10.2.0.0/16', '10.9.9.9/15'];
const PATHS = ['/', '/a', '/a/b', '/ab', '/b'];
/** Mostly wide, so that requests that every list allows are common, sometimes empty. */
function some<Item>(...items: readonly Item[]): fc.Arbitrary<Item[]> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant<Item[]>([...items]) },
    { weight: 1, arbitrary: fc.subarray([...items]) },
  );
}
const anyBound = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.integer({ min: 1, max: 4 }));
const anyGrant: fc.Arbitrary<GrantInput> = fc.oneof(
  // Often, since a request has to fit every scope of it.
  {
    weight: 6,
    arbitrary: fc.record({
      capability: fc.constant('http' as const),
      schemes: some<'https' | 'http'>('https', 'http'),
      hosts: some(...HOSTS),
      ports: some<number | '*'>(80, 443, '*'),
      methods: some<'GET' | 'POST'>('GET', 'POST'),
      path_prefix: fc.oneof(fc.constant('/'), fc.constantFrom(...PATHS)),
      private_networks: some(...NETWORKS),
      requests: anyBound,
      bytes: anyBound,
      per_second: anyBound,
    }),
  },
  fc.record({
    capability: fc.constant('secret' as const),
    names: some('*', 'A', 'B'),
    hosts: some(...HOSTS),
    plain_http: fc.boolean(),
  }),
  fc.record({
    capability: fc.constant('log' as const),
    level: fc.constantFrom('debug', 'info', 'warn', 'error'),
  }),
  fc.record({ capability: fc.constant('time' as const), advance: fc.boolean() }),
  fc.record({ capability: fc.constant('secret_read' as const), names: some('*', 'A', 'B') }),
  fc.record({ capability: fc.constant('wait' as const), timeout_ms: fc.constantFrom(1000, 5000, 9000) }),
  fc.record({ capability: fc.constant('random' as const) }),
  fc.record({
    capability: fc.constant('cache' as const),
    ttl_ms: fc.constantFrom(1000, 5000),
    value_bytes: fc.constantFrom(10, 100),
  }),
);
const anyGrants = fc.array(anyGrant, { maxLength: 8, size: 'max' }).map((list) => Grants.parse(list));
const anyHost = fc.constantFrom('a.com', 'b.com', 'x.a.com', 'y.x.a.com', 'com', 'a.b.c.d');
const anyCall: fc.Arbitrary<HttpCall> = fc.record({
  scheme: fc.constantFrom('https', 'http'),
  host: anyHost,
  port: fc.constantFrom(80, 443, 8080),
  method: fc.constantFrom('GET', 'POST'),
  path: fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/ab', '/b'),
  address: fc.tuple(fc.constantFrom(0, 1, 2, 8), fc.constantFrom(0, 2, 9), fc.constantFrom(0, 3, 9)),
  before: fc.record({ requests: fc.nat(4), bytes: fc.nat(4), per_second: fc.nat(4) }),
});

describe('effectiveGrants', () => {
  /** Every question one can ask a list of grants about one call. */
  const answers = (list: Grants, call: HttpCall): boolean[] => [
    allowsHttp(list, call),
    ...['A', 'B', 'C'].flatMap((name) =>
      [true, false].map((plain) => allowsSecret(list, name, call.host, plain)),
    ),
    ...Object.values(LOG_LEVELS).map((level) => allowsLog(list, level)),
    ...[false, true].map((advance) =>
      list.some((grant) => grant.capability === 'time' && (!advance || grant.advance)),
    ),
    ...['A', 'B', 'C'].map((name) =>
      list.some(
        (grant) =>
          grant.capability === 'secret_read' && (grant.names.includes('*') || grant.names.includes(name)),
      ),
    ),
    ...[1000, 5000, 9000].map((ms) =>
      list.some((grant) => grant.capability === 'wait' && ms <= grant.timeout_ms),
    ),
    list.some((grant) => grant.capability === 'random'),
    ...[1000, 5000].flatMap((ttl) =>
      [10, 100].map((bytes) =>
        list.some(
          (grant) => grant.capability === 'cache' && ttl <= grant.ttl_ms && bytes <= grant.value_bytes,
        ),
      ),
    ),
  ];

  it('is generated for every capability there is', () => {
    const generated = fc.sample(anyGrant, 500).map(({ capability }) => capability);
    expect(new Set(generated)).toEqual(new Set(CAPABILITIES));
  });

  it('allows a request exactly when manifest, policy and step allow it each on their own', () => {
    let allowed = 0;
    const step = fc.option(anyGrants, { nil: undefined });
    fc.assert(
      fc.property(anyGrants, anyGrants, step, anyCall, (requested, policy, narrowed, call) => {
        const lists = [requested, policy, ...(narrowed === undefined ? [] : [narrowed])];
        const perList = lists.map((list) => answers(list, call));
        const expected = perList[0]?.map((_, question) => perList.every((list) => list[question]));
        allowed += Number(expected?.[0]);
        expect(answers(effectiveGrants(requested, policy, narrowed), call)).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
    // Otherwise the property would have compared refusals only.
    expect(allowed).toBeGreaterThan(3);
  }, 120_000);

  it('intersecting with one more list only narrows', () => {
    fc.assert(
      fc.property(anyGrants, anyGrants, anyGrants, anyCall, (requested, policy, step, call) => {
        const wide = effectiveGrants(requested, policy);
        const narrow = effectiveGrants(requested, policy, step);
        if (allowsHttp(narrow, call)) expect(allowsHttp(wide, call)).toBe(true);
        expect(Grants.safeParse(narrow).success).toBe(true);
      }),
    );
  });

  it('grants nothing where nothing is requested, given or left', () => {
    const some = grants(http(), { capability: 'time' }, { capability: 'log' });
    expect(effectiveGrants([], some)).toEqual([]);
    expect(effectiveGrants(some, [])).toEqual([]);
    expect(effectiveGrants(some, some, [])).toEqual([]);
    expect(effectiveGrants(some, some)).toEqual(some);
  });

  it.each(['schemes', 'hosts', 'ports', 'methods'] as const)(
    'an empty list of %s drops the grant',
    (list) => {
      expect(effectiveGrants(grants(http()), grants(http({ [list]: [] })))).toEqual([]);
    },
  );

  it('private networks are only those inside both', () => {
    const wide = grants(http({ private_networks: ['10.0.0.0/8', 'fd00::/8'] }));
    const narrow = grants(http({ private_networks: ['10.2.0.0/16', '192.168.0.0/16', 'fd12::/16'] }));
    expect(effectiveGrants(wide, narrow)).toEqual(
      grants(http({ private_networks: ['10.2.0.0/16', 'fd12::/16'] })),
    );
  });

  it('of two bounds the smaller one applies, and one bound is enough', () => {
    const wide = grants(http({ requests: 5, bytes: 100 }));
    const narrow = grants(http({ requests: 3, per_second: 2 }));
    const both = grants(http({ requests: 3, bytes: 100, per_second: 2 }));
    expect(effectiveGrants(wide, narrow)).toEqual(both);
    expect(effectiveGrants(narrow, wide)).toEqual(both);
    expect(effectiveGrants(wide, grants(http()))).toEqual(wide);
  });

  it('a wildcard for one label never meets an address', () => {
    expect(
      effectiveGrants(grants(http({ hosts: ['*.0.0.1'] })), grants(http({ hosts: ['127.0.0.1'] }))),
    ).toEqual([]);
  });
});

describe('explainMissing', () => {
  it('is TOML that reads back as the wanted grant', () => {
    const block = explainMissing('my_handler', 'secret', {
      names: ['TOKEN'],
      hosts: ['a.com'],
      plain_http: true,
    });
    expect(block).toBe(
      '[[grants.my_handler]]\ncapability = "secret"\nnames = ["TOKEN"]\nhosts = ["a.com"]\nplain_http = true',
    );
    expect(parse(explainMissing('h', 'time'))).toEqual({ grants: { h: [{ capability: 'time' }] } });
  });

  it('stays one grant whatever the wanted scope contains', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.string({ maxLength: 10 }),
        (path, handler) => {
          const wellFormed = path.toWellFormed();
          const block = explainMissing(handler, 'http', {
            schemes: ['http'],
            hosts: ['a.com'],
            ports: [80],
            methods: ['GET'],
            path_prefix: wellFormed,
          });
          const table = parse(block) as { grants: Record<string, { path_prefix: string }[]> };
          expect(Object.entries(table.grants)).toHaveLength(1);
          expect(table.grants[handler]?.[0]?.path_prefix).toBe(wellFormed);
        },
      ),
    );
  });

  it.each(['log', 'time', 'http', 'secret'] as const)(
    'without a scope it is an example that the schema accepts: %s',
    (name) => {
      const table = parse(explainMissing('h', name)) as { grants: { h: unknown } };
      expect(Grants.safeParse(table.grants.h).success).toBe(true);
    },
  );
});
