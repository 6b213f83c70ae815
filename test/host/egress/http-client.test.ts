import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dialTcp } from '../../../src/host/egress/connection.ts';
import type { HttpClientOptions } from '../../../src/host/egress/http-client.ts';
import { createGuest, grantFor, resolverOf } from '../support/guest.ts';
import { startServer } from '../support/web.ts';

describe('the HTTP client', () => {
  it('stops reading a body at limits.http_response_bytes', async () => {
    await using server = await startServer((_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(64 * 1024)));
      };
      response.on('drain', more);
      more();
    });
    const guest = createGuest({ grants: [grantFor(server.port)], limits: { http_response_bytes: 100_000 } });
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/` });
    expect(answer).toMatchObject({ status: 5, error: { code: 'ERR_HTTP_TOO_LARGE', retryable: false } });
    expect(answer.error.message).toContain('limits.http_response_bytes allows 100000');
  });

  it('does not read a body that announces to be larger, and takes one of exactly the limit', async () => {
    await using server = await startServer((request, response) => {
      response.end(Buffer.alloc(Number(request.url?.slice(1)), 'x'));
    });
    const guest = createGuest({ grants: [grantFor(server.port)], limits: { http_response_bytes: 1000 } });
    const large = await guest({ url: `http://127.0.0.1:${server.port}/1001` });
    expect(large.error.message).toContain('a body of 1001 bytes');
    expect((await guest({ url: `http://127.0.0.1:${server.port}/1000` })).body).toHaveLength(1000);
  });

  it('takes any announced length in answer to HEAD', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(200, { 'content-length': '1000000', 'content-encoding': 'gzip' });
      response.end();
    });
    const guest = createGuest({
      grants: [grantFor(server.port, { methods: ['HEAD'] })],
      limits: { http_response_bytes: 10 },
    });
    const answer = await guest({ method: 'HEAD', url: `http://127.0.0.1:${server.port}/` });
    expect(answer.head.headers['content-length']).toBe('1000000');
    expect(answer.body).toBe('');
  });

  it.each([
    ['more headers than are taken', (index: number) => `x-${index}: y`, 200],
    ['more bytes of headers than are taken', () => `x: ${'y'.repeat(1000)}`, 60],
  ])('refuses %s', async (_, header, count) => {
    const server = createServer((socket) => {
      const headers = Array.from({ length: count }, (_item, index) => header(index)).join('\r\n');
      socket.on('error', () => {}).resume();
      socket.end(`HTTP/1.1 200 OK\r\n${headers}\r\ncontent-length: 0\r\n\r\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const answer = await createGuest({ grants: [grantFor(port)] })({ url: `http://127.0.0.1:${port}/` });
      expect(answer.error.code).toBe('ERR_HTTP_TOO_LARGE');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it.each(['garbage', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello', ''])(
    'an answer that is not HTTP is a failure that may be retried: %j',
    async (bytes) => {
      const server = createServer((socket) => {
        socket.on('error', () => {}).resume();
        socket.end(bytes);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as { port: number };
        const answer = await createGuest({ grants: [grantFor(port)] })({ url: `http://127.0.0.1:${port}/` });
        expect(answer).toMatchObject({ status: 4, error: { code: 'ERR_HTTP_FAILED', retryable: true } });
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    },
  );

  it('refuses an encoded answer instead of unpacking it', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(Buffer.alloc(1_000_000)));
    });
    const answer = await createGuest({ grants: [grantFor(server.port)] })({
      url: `http://127.0.0.1:${server.port}/`,
    });
    expect(answer.error).toMatchObject({ code: 'ERR_HTTP_FAILED' });
    expect(answer.error.message).toContain('content-encoding');
  });

  it.each([
    ['never answers', () => {}],
    ['never ends its answer', (response: { write(text: string): unknown }) => void response.write('a bit')],
  ])('gives up on a server that %s after the time of the request', async (_, respond) => {
    await using server = await startServer((_request, response) => respond(response));
    const guest = createGuest({ grants: [grantFor(server.port)], limits: { http_timeout_ms: 100 } });
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/`, timeout_ms: 60_000 });
    expect(answer).toMatchObject({ status: 4, error: { code: 'ERR_HTTP_TIMEOUT', retryable: true } });
  });

  it.each([
    ['a resolver', { resolve: () => new Promise<never>(() => {}) }],
    [
      'a dialler',
      { resolve: resolverOf({ 'a.test': ['127.0.0.1'] }), dial: () => new Promise<never>(() => {}) },
    ],
  ])('gives up on %s that never answers after the time to connect', async (_, http) => {
    const guest = createGuest({
      grants: [grantFor(80, { hosts: ['a.test'] })],
      limits: { http_connect_ms: 50 },
      http,
    });
    const answer = await guest({ url: 'http://a.test/' });
    expect(answer.error).toMatchObject({ code: 'ERR_HTTP_TIMEOUT', retryable: true });
    expect(answer.error.message).toContain('limits.http_connect_ms');
  });

  it('gives up on TLS that is never spoken after the time to connect', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    try {
      const guest = createGuest({
        grants: [grantFor(port, { schemes: ['https'] })],
        limits: { http_connect_ms: 50 },
      });
      const answer = await guest({ url: `https://127.0.0.1:${port}/` });
      expect(answer.error.message).toContain('limits.http_connect_ms');
    } finally {
      await new Promise((resolve) => silent.close(resolve));
    }
  });

  it.each([
    ['says nothing', ''],
    ['sends hints only', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'],
  ])('gives up on a server that %s after the time to the first byte', async (_, bytes) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      socket.write(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const guest = createGuest({ grants: [grantFor(port)], limits: { http_first_byte_ms: 50 } });
      const answer = await guest({ url: `http://127.0.0.1:${port}/` });
      expect(answer.error).toMatchObject({ code: 'ERR_HTTP_TIMEOUT', retryable: true });
      expect(answer.error.message).toContain('limits.http_first_byte_ms');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('leaves a second address some of the time when the first one never answers', async () => {
    await using server = await startServer();
    const dialled: string[] = [];
    const http: HttpClientOptions = {
      resolve: resolverOf({ 'a.test': ['127.0.0.9', '127.0.0.1'] }),
      dial: (address, port, signal) => {
        dialled.push(address);
        return address === '127.0.0.9' ? new Promise<never>(() => {}) : dialTcp(address, port, signal);
      },
    };
    const guest = createGuest({
      grants: [grantFor(server.port, { hosts: ['a.test'] })],
      limits: { http_connect_ms: 1000 },
      http,
    });
    expect((await guest({ url: `http://a.test:${server.port}/` })).body).toBe('hello');
    expect(dialled).toEqual(['127.0.0.9', '127.0.0.1']);
  });

  it('gives up on a resolver, a dialler and a secret that never answer', async () => {
    const never = () => new Promise<never>(() => {});
    const grants = [grantFor(80, { hosts: ['a.test'] })];
    const head = { url: 'http://a.test/', timeout_ms: 50 };
    const resolve = resolverOf({ 'a.test': ['127.0.0.1'] });
    const stuck = [{ resolve: never }, { resolve, dial: never }];
    for (const http of stuck) {
      expect((await createGuest({ grants, http })(head)).error.code).toBe('ERR_HTTP_TIMEOUT');
    }
  });

  it('ends a request when the invocation ends', async () => {
    const invocation = new AbortController();
    await using server = await startServer(() => invocation.abort());
    const guest = createGuest({ grants: [grantFor(server.port)] });
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/` }, '', invocation.signal);
    expect(answer.error).toMatchObject({ code: 'ERR_ABORTED', retryable: true });
  });

  it('tries the next checked address when one does not answer', async () => {
    await using server = await startServer();
    const http = { resolve: resolverOf({ 'a.test': ['127.0.0.9', '127.0.0.1'] }) };
    const guest = createGuest({ grants: [grantFor(server.port, { hosts: ['a.test'] })], http });
    expect((await guest({ url: `http://a.test:${server.port}/` })).body).toBe('hello');
  });

  it('joins headers of one name and leaves out those of the connection', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(
        200,
        [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['__proto__', 'x'],
        ].flat(),
      );
      response.end();
    });
    const guest = createGuest({ grants: [grantFor(server.port)] });
    const { head } = await guest({ url: `http://127.0.0.1:${server.port}/` });
    expect(head.headers['set-cookie']).toBe('a=1, b=2');
    expect(Object.hasOwn(head.headers, '__proto__')).toBe(true);
    expect(head.headers).not.toHaveProperty('connection');
    expect((await guest({ url: `http://127.0.0.1:${server.port}/` })).head.status).toBe(200);
    expect(server.requests[1]?.headers).not.toHaveProperty('cookie');
  });

  it('says only the code of what went wrong', async () => {
    const dial = () =>
      Promise.reject(Object.assign(new Error('connect ECONNREFUSED 10.1.2.3'), { code: 'ECONNREFUSED' }));
    const answer = await createGuest({ grants: [grantFor(80)], http: { dial } })({
      url: 'http://127.0.0.1/',
    });
    expect(answer.error).toEqual({
      code: 'ERR_HTTP_FAILED',
      message: 'The request could not be completed: ECONNREFUSED.',
      retryable: true,
    });
  });
});
