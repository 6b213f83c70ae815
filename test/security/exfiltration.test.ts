import { describe, expect, it } from 'vitest';
import { type Dial, dialTcp } from '../../src/host/egress/connection.ts';
import type { GrantInput } from '../../src/model/grant.ts';
import { createGuest, grantFor, resolverOf } from '../host/support/guest.ts';
import { startServer, startTwins } from '../host/support/web.ts';

/*
 * Threat: data reaches, or is fetched from, a place that nobody granted. 127.0.0.2 plays the public internet (a grant
 * names its network), 127.0.0.1 and ::1 play the inside. Nothing leaves loopback: the dialler records every address.
 */

const INSIDE = 'inside: never to be seen';
const OUTSIDE_NETWORK = ['127.0.0.2/32'];

/** Records what is dialled, and dials only loopback. */
function recordingDial(): { readonly dialled: string[]; readonly dial: Dial } {
  const dialled: string[] = [];
  return {
    dialled,
    dial: (address, port, signal) => {
      dialled.push(address);
      return dialTcp(address.startsWith('127.') ? address : '127.0.0.1', port, signal);
    },
  };
}

/** Every host is granted: only the check of addresses stands between the guest and the inside. */
const anyHost = (port: number): GrantInput =>
  grantFor(port, { hosts: ['*'], methods: ['GET', 'POST'], private_networks: OUTSIDE_NETWORK });

describe('a guest cannot reach an address that was not granted', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '127.0.0.1.',
    '0',
    '0.0.0.0',
    '169.254.169.254',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fd00::1]',
    '10.0.0.1',
    '100.64.0.1',
    '１２７.０.０.１',
    '127。0。0。1',
  ])('by the literal %s', async (literal) => {
    await using inside = await startServer((_, response) => void response.end(INSIDE));
    const { dial, dialled } = recordingDial();
    const guest = createGuest({ grants: [anyHost(inside.port)], http: { dial } });
    const answer = await guest({ url: `http://${literal}:${inside.port}/` });
    expect(answer).toMatchObject({ status: 1, error: { code: 'ERR_HTTP_ADDRESS' } });
    expect(dialled).toEqual([]);
    expect(inside.requests).toHaveLength(0);
  });

  it.each([
    ['private.test', ['10.0.0.1']],
    ['loopback.test', ['127.0.0.1']],
    ['metadata.test', ['169.254.169.254']],
    ['mapped.test', ['::ffff:127.0.0.1']],
    ['nat64.test', ['64:ff9b::7f00:1']],
    ['zone.test', ['fe80::1%lo']],
    ['nonsense.test', ['localhost']],
    ['mixed.test', ['127.0.0.2', '10.0.0.1']],
    ['mixed-first.test', ['::1', '127.0.0.2']],
  ])('by the name %s at %j: one refused address refuses the name', async (name, addresses) => {
    const { dial, dialled } = recordingDial();
    const http = { dial, resolve: resolverOf({ [name]: addresses }) };
    const answer = await createGuest({ grants: [anyHost(80)], http })({ url: `http://${name}/` });
    expect(answer.error.code).toBe('ERR_HTTP_ADDRESS');
    expect(dialled).toEqual([]);
  });

  it('by a name that resolves differently the second time: the checked address is the dialled one', async () => {
    await using twins = await startTwins(undefined, (_, response) => void response.end(INSIDE));
    const { outside, inside } = twins;
    let lookups = 0;
    const resolve = async () => [{ address: lookups++ === 0 ? '127.0.0.2' : '127.0.0.1', family: 4 }];
    const { dial, dialled } = recordingDial();
    const guest = createGuest({ grants: [anyHost(outside.port)], http: { dial, resolve } });
    const first = await guest({ url: `http://rebind.test:${outside.port}/` });
    expect(first).toMatchObject({ status: 0, body: 'hello' });
    expect(lookups).toBe(1);
    const second = await guest({ url: `http://rebind.test:${outside.port}/` });
    expect(second.error.code).toBe('ERR_HTTP_ADDRESS');
    expect(dialled).toEqual(['127.0.0.2']);
    expect(inside.requests).toHaveLength(0);
  });

  it.each([
    ['the inside by address', 'http://127.0.0.1:PORT/', 'ERR_HTTP_ADDRESS'],
    ['the inside by a name', 'http://inside.test:PORT/', 'ERR_HTTP_ADDRESS'],
    ['the inside in decimal', '//2130706433:PORT/', 'ERR_HTTP_ADDRESS'],
    ['another port', 'http://outside.test:1/', 'ERR_GRANT_MISSING'],
    ['another scheme of the web', 'https://outside.test:PORT/', 'ERR_GRANT_MISSING'],
    ['a file', 'file:///etc/passwd', 'ERR_HTTP_REDIRECTS'],
    ['a URL with credentials', 'http://u:p@outside.test:PORT/', 'ERR_HTTP_REDIRECTS'],
    ['a path that was not granted', '/private', 'ERR_GRANT_MISSING'],
    ['a hidden dot segment', '/public/..%2fprivate', 'ERR_GRANT_MISSING'],
  ])('by a redirect to %s', async (_, location, code) => {
    await using twins = await startTwins(
      (_request, response) => {
        response.writeHead(302, { location: location.replace('PORT', String(twins.outside.port)) });
        response.end();
      },
      (_, response) => void response.end(INSIDE),
    );
    const { outside, inside } = twins;
    const http = { resolve: resolverOf({ 'outside.test': ['127.0.0.2'], 'inside.test': ['127.0.0.1'] }) };
    const narrow = {
      ...anyHost(outside.port),
      path_prefix: location.startsWith('/p') ? '/public' : '/',
    } as GrantInput;
    const answer = await createGuest({ grants: [narrow], http })({
      url: `http://outside.test:${outside.port}/public`,
    });
    expect(answer.error.code).toBe(code);
    expect(answer.everything).not.toContain(INSIDE);
    expect(outside.requests).toHaveLength(1);
    expect(inside.requests).toHaveLength(0);
  });

  it('by a redirect with a method that was not granted for its place', async () => {
    await using server = await startServer((request, response) => {
      response.writeHead(request.url === '/start' ? 307 : 200, { location: '/end' });
      response.end('reached');
    });
    const answer = await createGuest({
      grants: [grantFor(server.port, { methods: ['POST'], path_prefix: '/start' }), grantFor(server.port)],
    })({ method: 'POST', url: `http://127.0.0.1:${server.port}/start` }, 'x');
    expect(answer.error.code).toBe('ERR_GRANT_MISSING');
    expect(server.requests).toHaveLength(1);
  });

  it('through a proxy that the environment names', async () => {
    await using proxy = await startServer((_, response) => void response.end('proxied'));
    await using server = await startServer();
    const names = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'NODE_USE_ENV_PROXY'];
    for (const name of names)
      process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`;
    try {
      const answer = await createGuest({ grants: [grantFor(server.port)] })({
        url: `http://127.0.0.1:${server.port}/`,
      });
      expect(answer.body).toBe('hello');
      expect(proxy.requests).toHaveLength(0);
    } finally {
      for (const name of names) delete process.env[name];
    }
  });
});

describe('a guest cannot send to a place that only resembles a granted one', () => {
  const grant = (overrides: Partial<Extract<GrantInput, { capability: 'http' }>>) =>
    grantFor(8080, { hosts: ['api.test', '*.wild.test'], path_prefix: '/v1', ...overrides });

  it.each([
    'http://evil.test:8080/v1',
    'http://api.test.evil.test:8080/v1',
    'http://evil-api.test:8080/v1',
    'http://api.test:8081/v1',
    'https://api.test:8080/v1',
    'http://api.test:8080/v2',
    'http://api.test:8080/v10',
    'http://api.test:8080/v1/../v2',
    'http://api.test:8080/v1/%2e%2e/v2',
    'http://api.test:8080/v1/%2e%2e%2fv2',
    'http://api.test:8080/v1/..\\v2',
    'http://wild.test:8080/v1',
    'http://a.b.wild.test:8080/v1',
    'http://api.test.:8080/v1',
    'http://api.test:8080\\@evil.test/v2',
  ])('%s', async (url) => {
    const answer = await createGuest({ grants: [grant({})] })({ url });
    expect(answer).toMatchObject({ status: 1, error: { code: 'ERR_GRANT_MISSING' } });
  });

  it.each(['schemes', 'hosts', 'ports', 'methods'] as const)(
    'an empty list of %s grants nothing',
    async (list) => {
      const answer = await createGuest({ grants: [grant({ [list]: [] })] })({
        url: 'http://api.test:8080/v1',
      });
      expect(answer.error.code).toBe('ERR_GRANT_MISSING');
    },
  );

  it('while the granted ones are reached (control)', async () => {
    await using server = await startServer();
    const http = { resolve: async () => [{ address: '127.0.0.1', family: 4 }] };
    const guest = createGuest({ grants: [grant({ ports: [server.port] })], http });
    for (const host of ['api.test', 'API.test', 'x.wild.test']) {
      expect((await guest({ url: `http://${host}:${server.port}/v1/x?y` })).status).toBe(0);
    }
  });
});
