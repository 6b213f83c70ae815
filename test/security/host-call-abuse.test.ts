import { describe, expect, it } from 'vitest';
import { createGuest, frameOf, grantFor } from '../host/support/guest.ts';
import { startServer } from '../host/support/web.ts';

/* Threat: a guest floods the host, or makes it hold or compute more than its limits allow. */

describe('a guest cannot abuse host calls', () => {
  it('by their number: refused and malformed calls are charged like performed ones', async () => {
    await using server = await startServer();
    const guest = createGuest({ grants: [grantFor(server.port)], limits: { host_calls: 10 } });
    const url = `http://127.0.0.1:${server.port}/`;
    const calls = [frameOf({ url }), frameOf({ url: 'http://nowhere.test/' }), new Uint8Array(2)];
    const statuses: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      statuses.push((await guest(calls[index % 3] ?? new Uint8Array())).status);
    }
    expect(statuses.slice(10)).toEqual(Array(20).fill(3));
    expect(server.requests).toHaveLength(4);
  });

  it('by asking for more time than its limit', async () => {
    await using server = await startServer(() => {});
    const guest = createGuest({ grants: [grantFor(server.port)], limits: { http_timeout_ms: 50 } });
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/`, timeout_ms: 2 ** 31 });
    expect(answer.error.code).toBe('ERR_HTTP_TIMEOUT');
    expect(answer.record.ms).toBeLessThan(5000);
  });

  it('by sending or fetching more than its limits', async () => {
    await using server = await startServer((_, response) => void response.end('x'.repeat(5000)));
    const limits = { http_request_bytes: 1000, http_response_bytes: 1000 };
    const guest = createGuest({ grants: [grantFor(server.port, { methods: ['GET', 'POST'] })], limits });
    const url = `http://127.0.0.1:${server.port}/`;
    expect((await guest({ method: 'POST', url }, 'x'.repeat(1001))).status).toBe(5);
    expect(server.requests).toHaveLength(0);
    expect((await guest({ url })).status).toBe(5);
  });

  it('by smuggling a second request through headers, method or URL', async () => {
    await using server = await startServer();
    const guest = createGuest({ grants: [grantFor(server.port)], limits: { host_calls: 100 } });
    const url = `http://127.0.0.1:${server.port}/`;
    for (const head of [
      { url, headers: { 'transfer-encoding': 'chunked' } },
      { url, headers: { 'content-length': '5' } },
      { url, headers: { a: 'b\r\n\r\nGET /second HTTP/1.1' } },
      { url, headers: { 'a\r\nb': 'c' } },
      { url: `${url}x HTTP/1.1\r\nhost: evil\r\n\r\nGET /second` },
      { url, method: 'GET /second HTTP/1.1\r\n\r\nGET' },
    ]) {
      expect(await guest(head)).toMatchObject({ status: 2, error: { code: 'ERR_HOST_CALL_INVALID' } });
    }
    await guest({ url: `${url}%0d%0aGET%20/second` });
    expect(server.requests.map((request) => request.path)).toEqual(['/%0d%0aGET%20/second']);
  });

  it('by text that makes checking it slow', async () => {
    const guest = createGuest({
      grants: [grantFor(80, { path_prefix: '/a', methods: ['POST'] })],
      limits: { host_calls: 100 },
    });
    const startedMs = performance.now();
    for (const text of ['${secrets.', '${secrets.A', '${', '%25', '%2e', '..%2f', '$', '/..;']) {
      const long = text.repeat(Math.floor(8000 / text.length));
      await guest(
        { method: 'POST', url: `http://127.0.0.1/${long}`, headers: { a: long } },
        text.repeat(100_000),
      );
    }
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});
