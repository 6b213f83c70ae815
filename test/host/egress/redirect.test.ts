import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createCertificate } from '../support/certificate.ts';
import { createGuest, grantFor, resolverOf, secretRef } from '../support/guest.ts';
import { startServer } from '../support/web.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT'] as const;

/** `/STATUS/to` answers with that status and a location; anything else says hello. */
const redirecting =
  (to: (path: string) => string): RequestListener =>
  (request, response) => {
    const status = Number(/^\/(30\d)/.exec(request.url ?? '')?.[1] ?? 200);
    response.writeHead(status, status === 200 ? {} : { location: to(request.url ?? '') });
    response.end(status === 200 ? 'hello' : 'moved');
  };

describe('redirects', () => {
  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [307, 'POST', 'POST', 'body'],
    [308, 'PUT', 'PUT', 'body'],
    [302, 'PUT', 'PUT', 'body'],
    [303, 'HEAD', 'HEAD', ''],
  ] as const)('%i turns %s into %s with the body %j', async (status, method, next, body) => {
    await using server = await startServer(redirecting(() => '/end'));
    const guest = createGuest({ grants: [grantFor(server.port, { methods: [...METHODS] })] });
    const sent = method === 'HEAD' ? '' : 'body';
    const headers = { 'content-type': 'text/plain', 'x-kept': '1' };
    const answer = await guest({ method, url: `http://127.0.0.1:${server.port}/${status}`, headers }, sent);
    expect(answer.head).toMatchObject({ status: 200, url: `http://127.0.0.1:${server.port}/end` });
    expect(server.requests[1]).toMatchObject({
      method: next,
      path: '/end',
      body,
      headers: { 'x-kept': '1' },
    });
    expect('content-type' in (server.requests[1]?.headers ?? {})).toBe(body !== '' || method === 'HEAD');
  });

  it('are followed five times', async () => {
    await using server = await startServer(
      redirecting((path) => {
        const left = Number(path.split('/')[2]) - 1;
        return left === 0 ? '/end' : `/302/${left}`;
      }),
    );
    const guest = createGuest({ grants: [grantFor(server.port)] });
    expect((await guest({ url: `http://127.0.0.1:${server.port}/302/5` })).body).toBe('hello');
    const before = server.requests.length;
    const answer = await guest({ url: `http://127.0.0.1:${server.port}/302/6` });
    expect(answer).toMatchObject({ status: 4, error: { code: 'ERR_HTTP_REDIRECTS', retryable: false } });
    expect(server.requests.length - before).toBe(6);
  });

  it('without a location, and other statuses, are answers', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(304);
      response.end();
    });
    const guest = createGuest({ grants: [grantFor(server.port)] });
    expect((await guest({ url: `http://127.0.0.1:${server.port}/` })).head.status).toBe(304);
  });

  it('from https to http are not followed, even where both are granted', async () => {
    const tls = createCertificate('a.test');
    await using plain = await startServer();
    await using secure = await startServer(
      redirecting(() => `http://a.test:${plain.port}/end`),
      { tls },
    );
    const guest = createGuest({
      grants: [
        grantFor(secure.port, { schemes: ['https'], hosts: ['a.test'] }),
        grantFor(plain.port, { hosts: ['a.test'] }),
      ],
      http: { ca: tls.cert, resolve: resolverOf({ 'a.test': ['127.0.0.1'] }) },
    });
    const answer = await guest({ url: `https://a.test:${secure.port}/302` });
    expect(answer.error).toMatchObject({ code: 'ERR_HTTP_REDIRECTS' });
    expect(answer.error.message).toContain('from https to http');
    expect(plain.requests).toHaveLength(0);
  });

  it('to another origin carry no credentials and no header with a secret, and stay so on the way back', async () => {
    await using first = await startServer((request, response) => {
      const back = request.url === '/end';
      response.writeHead(back ? 200 : 307, back ? {} : { location: `http://b.test:${second.port}/302` });
      response.end();
    });
    await using second = await startServer(redirecting(() => `http://a.test:${first.port}/end`));
    const guest = createGuest({
      grants: [
        grantFor(first.port, { hosts: ['a.test'] }),
        grantFor(second.port, { hosts: ['b.test'] }),
        { capability: 'secret', names: ['TOKEN'], hosts: ['a.test'], plain_http: true },
      ],
      secrets: { TOKEN: 'the-value-of-token' },
      http: { resolve: resolverOf({ 'a.test': ['127.0.0.1'], 'b.test': ['127.0.0.1'] }) },
    });
    const headers = {
      authorization: 'Basic x',
      cookie: 'a=b',
      'x-api-key': secretRef('TOKEN'),
      'x-plain': 'kept',
    };
    expect((await guest({ url: `http://a.test:${first.port}/start`, headers })).head.status).toBe(200);
    expect(first.requests[0]?.headers).toMatchObject({ ...headers, 'x-api-key': 'the-value-of-token' });
    for (const request of [second.requests[0], first.requests[1]]) {
      expect(request?.headers['x-plain']).toBe('kept');
      for (const name of ['authorization', 'cookie', 'x-api-key'])
        expect(request?.headers).not.toHaveProperty(name);
    }
  });

  it('within one origin keep them', async () => {
    await using server = await startServer(redirecting(() => '/end'));
    const guest = createGuest({
      grants: [
        grantFor(server.port),
        { capability: 'secret', names: ['TOKEN'], hosts: ['127.0.0.1'], plain_http: true },
      ],
      secrets: { TOKEN: 'the-value-of-token' },
    });
    await guest({
      url: `http://127.0.0.1:${server.port}/302`,
      headers: { authorization: secretRef('TOKEN') },
    });
    expect(server.requests[1]?.headers['authorization']).toBe('the-value-of-token');
  });
});
