import { describe, expect, it } from 'vitest';
import { createCertificate } from '../support/certificate.ts';
import { createGuest, grantFor } from '../support/guest.ts';
import { startServer } from '../support/web.ts';

describe('http_request', () => {
  it('answers with status, headers in lower case, final URL and body', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(418, { 'X-Tea': 'green' });
      response.end('no coffee');
    });
    const guest = createGuest({ grants: [grantFor(server.port)] });
    const url = `http://127.0.0.1:${server.port}/pot?x=1#fragment`;
    const answer = await guest({ url });
    expect(answer.status).toBe(0);
    expect(answer.head).toMatchObject({ status: 418, url: `http://127.0.0.1:${server.port}/pot?x=1` });
    expect(answer.head.headers['x-tea']).toBe('green');
    expect(answer.body).toBe('no coffee');
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]?.path).toBe('/pot?x=1');
    expect(answer.record).toMatchObject({
      call: 'http_request',
      allowed: true,
      target: `GET http://127.0.0.1:${server.port}/pot?…`,
      code: null,
    });
  });
  it('sends method, headers and body, and nothing of its own but framing', async () => {
    await using server = await startServer();
    const guest = createGuest({ grants: [grantFor(server.port, { methods: ['POST'] })] });
    await guest({ method: 'POST', url: `http://127.0.0.1:${server.port}/`, headers: { 'X-A': 'b' } }, 'body');
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      body: 'body',
      headers: {
        'x-a': 'b',
        'accept-encoding': 'identity',
        'content-length': '4',
        connection: 'keep-alive',
        host: `127.0.0.1:${server.port}`,
      },
    });
    expect(Object.keys(server.requests[0]?.headers ?? {})).toHaveLength(5);
  });
  it('speaks TLS only with a server whose certificate is for the name in the URL', async () => {
    const tls = createCertificate('good.test');
    await using server = await startServer(undefined, { tls });
    const guest = createGuest({
      grants: [grantFor(server.port, { schemes: ['https'], hosts: ['good.test', 'evil.test'] })],
      http: { ca: tls.cert, resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    });
    const good = await guest({ url: `https://good.test:${server.port}/` });
    expect(good.error.message).toBe('');
    expect(good.body).toBe('hello');
    const evil = await guest({ url: `https://evil.test:${server.port}/` });
    expect(evil.error).toMatchObject({ code: 'ERR_HTTP_FAILED', retryable: true });
    expect(evil.error.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(server.requests).toHaveLength(1);
  });
});
