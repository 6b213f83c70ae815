import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBoundary } from '../../src/host/boundary.ts';
import { HOST_CALLS } from '../../src/host/registry.ts';
import { ABI_IMPORTS } from '../../src/model/abi.ts';
import {
  authorityOf,
  createGuest,
  frameOf,
  grantFor,
  HTTP_REQUEST,
  servicesOf,
  viewOf,
} from './support/guest.ts';
import { startServer } from './support/web.ts';

const signal = new AbortController().signal;

describe('the host-call boundary', () => {
  it('performs exactly the calls that the ABI says the broker serves, each under its own number', () => {
    const served = ABI_IMPORTS.filter((row) => row.servedBy === 'broker').map((row) => row.name);
    expect(HOST_CALLS.map((call) => call.name)).toEqual(served);
    expect(new Set(HOST_CALLS.map((call) => call.wireNumber)).size).toBe(HOST_CALLS.length);
  });

  it('refuses everything where nothing is granted', async () => {
    await using server = await startServer();
    const answer = await createGuest()({ url: `http://127.0.0.1:${server.port}/` });
    expect(answer).toMatchObject({ status: 1, error: { code: 'ERR_GRANT_MISSING', retryable: false } });
    expect(answer.record).toMatchObject({ allowed: false, code: 'ERR_GRANT_MISSING', responseBytes: 0 });
    expect(server.requests).toHaveLength(0);
  });

  it('charges every call, refused ones too, and names limit, allowed, used and setting when it is over', async () => {
    await using server = await startServer();
    const guest = createGuest({ grants: [grantFor(server.port)], limits: { host_calls: 2 } });
    expect((await guest({ url: `http://127.0.0.1:${server.port}/` })).status).toBe(0);
    expect((await guest({ url: 'http://not-granted.test/' })).status).toBe(1);
    const third = await guest({ url: `http://127.0.0.1:${server.port}/` });
    expect(third).toMatchObject({ status: 3, error: { code: 'ERR_LIMIT_HOST_CALLS', retryable: false } });
    expect(third.error.message).toBe(
      'limits.host_calls allows 2 host calls in one invocation, this would be number 3; ' +
        'raise limits.host_calls or make fewer calls.',
    );
    expect(server.requests).toHaveLength(1);
  });

  it('answers an unknown wire number as invalid', async () => {
    const boundary = createBoundary(servicesOf());
    for (const number of [0, 2, -1, Number.NaN, 2 ** 40]) {
      expect((await boundary(authorityOf(), number, frameOf({ url: 'x:' }), 0, signal)).status).toBe(2);
    }
  });

  it('a fault of ours reaches the operator, and the guest without its details', async () => {
    const faults: unknown[] = [];
    const fault = new Error('disk /var/lib/private is full');
    const http = { exchange: () => Promise.reject(fault), close: async () => {} };
    const boundary = createBoundary(servicesOf({ services: { http } }), {
      onFault: (error) => {
        faults.push(error);
        throw new Error('a listener that fails');
      },
    });
    const authority = authorityOf({ grants: [grantFor(80)] });
    const answer = viewOf(
      await boundary(authority, HTTP_REQUEST, frameOf({ url: 'http://127.0.0.1/' }), 0, signal),
    );
    expect(answer).toMatchObject({ status: 4, error: { code: 'ERR_INTERNAL' } });
    expect(answer.everything).not.toContain('private');
    expect(faults).toEqual([fault]);
  });

  it('does not start a call of an invocation that has ended', async () => {
    await using server = await startServer();
    const guest = createGuest({ grants: [grantFor(server.port)] });
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/` }, '', AbortSignal.abort());
    expect(answer.error).toMatchObject({ code: 'ERR_ABORTED', retryable: true });
    expect(server.requests).toHaveLength(0);
  });

  it('never rejects, whatever bytes a guest sends', async () => {
    const boundary = createBoundary(servicesOf());
    const authority = authorityOf({ grants: [] });
    const head = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(frameOf(text))),
      fc
        .record({
          method: fc.constantFrom('GET', 'get', 'TRACE', 1),
          url: fc.oneof(fc.webUrl(), fc.string(), fc.constant('${secrets.X}')),
          headers: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())),
        })
        .map((value) => Buffer.from(frameOf(JSON.stringify(value)))),
    );
    await fc.assert(
      fc.asyncProperty(head, async (bytes) => {
        const { status, error } = viewOf(await boundary(authority, HTTP_REQUEST, bytes, 0, signal));
        expect([1, 2]).toContain(status);
        expect(error.code).not.toBe('ERR_INTERNAL');
      }),
      { numRuns: 200 },
    );
  });
});
