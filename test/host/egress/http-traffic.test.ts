import { describe, expect, it } from 'vitest';
import { createBoundary } from '../../../src/host/boundary.ts';
import { dialTcp } from '../../../src/host/egress/connection.ts';
import {
  authorityOf,
  createGuest,
  type GuestOptions,
  grantFor,
  invocationOf,
  servicesOf,
} from '../support/guest.ts';
import { startServer } from '../support/web.ts';

describe('requests of an http grant', () => {
  it('bounds what one invocation sends to a host, and says what to raise', async () => {
    await using server = await startServer();
    const options: GuestOptions = { grants: [grantFor(server.port, { requests: 2 })] };
    const url = `http://127.0.0.1:${server.port}/`;
    const guest = createGuest(options);
    expect([(await guest({ url })).status, (await guest({ url })).status]).toEqual([0, 0]);
    const third = await guest({ url });
    expect(third).toMatchObject({ status: 3, error: { code: 'ERR_GRANT_REQUESTS', retryable: false } });
    expect(third.record).toMatchObject({ allowed: false, code: 'ERR_GRANT_REQUESTS' });
    expect(third.error.message).toContain('(requests = 2)');
    expect(third.error.message).toContain('raise requests in [[grants.probe]] of broker.toml');
    expect(server.requests).toHaveLength(2);
    expect((await createGuest(options)({ url })).status).toBe(0);
  });

  it('counts every host apart', async () => {
    await using server = await startServer();
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const guest = createGuest({
      grants: [grantFor(server.port, { hosts: ['*'], requests: 1 })],
      http: { resolve },
    });
    const codes: string[] = [];
    for (const host of ['a.test', 'b.test', 'a.test', 'b.test']) {
      codes.push((await guest({ url: `http://${host}:${server.port}/` })).error.code);
    }
    expect(codes).toEqual(['', '', 'ERR_GRANT_REQUESTS', 'ERR_GRANT_REQUESTS']);
  });

  it('counts the hops of a redirect', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(302, { location: '/again' });
      response.end();
    });
    const guest = createGuest({ grants: [grantFor(server.port, { requests: 3 })] });
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/` });
    expect(answer.error.code).toBe('ERR_GRANT_REQUESTS');
    expect(server.requests).toHaveLength(3);
  });

  it('is not multiplied by several grants for one host, and the widest of them applies', async () => {
    await using server = await startServer();
    const guest = createGuest({
      grants: [
        grantFor(server.port, { path_prefix: '/a', requests: 1 }),
        grantFor(server.port, { path_prefix: '/b', requests: 2 }),
      ],
    });
    const codes: string[] = [];
    for (const path of ['/b', '/a', '/b', '/b']) {
      codes.push((await guest({ url: `http://127.0.0.1:${server.port}${path}` })).error.code);
    }
    expect(codes).toEqual(['', 'ERR_GRANT_REQUESTS', '', 'ERR_GRANT_REQUESTS']);
  });
});

describe('bytes of an http grant', () => {
  it('bounds what is sent and received together', async () => {
    await using server = await startServer((_, response) => void response.end('x'.repeat(60)));
    const guest = createGuest({ grants: [grantFor(server.port, { methods: ['GET', 'POST'], bytes: 200 })] });
    const url = `http://127.0.0.1:${server.port}/`;
    expect((await guest({ method: 'POST', url }, 'y'.repeat(40))).status).toBe(0);
    const large = await guest({ method: 'POST', url }, 'y'.repeat(101));
    expect(large).toMatchObject({ status: 3, error: { code: 'ERR_GRANT_BYTES', retryable: false } });
    expect(large.error.message).toContain('of them 100 are left');
    expect(server.requests).toHaveLength(1);
    expect((await guest({ url })).status).toBe(0);
    const answer = await guest({ url });
    expect(answer).toMatchObject({ status: 3, error: { code: 'ERR_GRANT_BYTES' } });
    expect(answer.error.message).toContain('of them 40 are left: the answer has a larger body');
    expect(answer.everything).not.toContain('xxxx');
  });

  it('does not raise limits.http_response_bytes', async () => {
    await using server = await startServer((_, response) => void response.end('x'.repeat(60)));
    const guest = createGuest({
      grants: [grantFor(server.port, { bytes: 1000 })],
      limits: { http_response_bytes: 50 },
    });
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/` });
    expect(answer.error.code).toBe('ERR_HTTP_TOO_LARGE');
  });

  it('is not spent by a request that never arrived', async () => {
    await using server = await startServer((_, response) => void response.end('x'.repeat(60)));
    let refusals = 1;
    const guest = createGuest({
      grants: [grantFor(server.port, { bytes: 60 })],
      http: {
        dial: (address, port, signal) =>
          refusals-- > 0 ? Promise.reject(new Error('refused')) : dialTcp(address, port, signal),
      },
    });
    const url = `http://127.0.0.1:${server.port}/`;
    expect((await guest({ url })).error.code).toBe('ERR_HTTP_FAILED');
    expect((await guest({ url })).status).toBe(0);
  });

  it('holds for requests at once as well', async () => {
    await using server = await startServer((_, response) => void response.end('x'.repeat(60)));
    const guest = createGuest({ grants: [grantFor(server.port, { bytes: 100 })] });
    const url = `http://127.0.0.1:${server.port}/`;
    const answers = await Promise.all([guest({ url }), guest({ url }), guest({ url })]);
    expect(answers.filter(({ status }) => status === 0)).toHaveLength(1);
  });
});

describe('per_second of an http grant', () => {
  it('bounds all invocations of a handler together, within any second of the injected clock', async () => {
    await using server = await startServer();
    let nowMs = 5_000;
    const boundary = createBoundary(servicesOf(), { nowMs: () => nowMs });
    const grants = [grantFor(server.port, { per_second: 2 })];
    const ask = (handler = 'probe') =>
      invocationOf(boundary, authorityOf({ grants, handler }))({ url: `http://127.0.0.1:${server.port}/` });
    expect((await ask()).status).toBe(0);
    nowMs += 900;
    expect((await ask()).status).toBe(0);
    const third = await ask();
    expect(third).toMatchObject({ status: 3, error: { code: 'ERR_GRANT_RATE', retryable: true } });
    expect(third.error.message).toContain('(per_second = 2)');
    expect((await ask('other')).status).toBe(0);
    nowMs += 100;
    expect((await ask()).status).toBe(0);
    expect((await ask()).error.code).toBe('ERR_GRANT_RATE');
    nowMs += 1000;
    expect((await ask()).status).toBe(0);
    expect(server.requests).toHaveLength(5);
  });

  it('still knows the last second of a host where it has forgotten others', async () => {
    let nowMs = 0;
    const dialled: string[] = [];
    const dial = (address: string) => {
      dialled.push(address);
      return Promise.reject(new Error('unreachable'));
    };
    const boundary = createBoundary(servicesOf({ http: { dial } }), { nowMs: () => nowMs });
    const grants = [grantFor(80, { hosts: ['*'], per_second: 1 })];
    const ask = (url: string) => invocationOf(boundary, authorityOf({ grants }))({ url });
    for (let host = 0; host < 3000; host += 1) {
      nowMs += 1;
      await ask(`http://127.0.${host >> 8}.${host & 255}/`);
    }
    expect(dialled).toHaveLength(3000);
    expect((await ask('http://127.0.11.183/')).error.code).toBe('ERR_GRANT_RATE');
    expect((await ask('http://127.0.0.1/')).error.code).toBe('ERR_HTTP_FAILED');
  });
});
