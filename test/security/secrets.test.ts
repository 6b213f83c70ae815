import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { GrantInput } from '../../src/model/grant.ts';
import { resolveReferences, secretPlaceholder } from '../../src/model/references.ts';
import { secretMarkOf } from '../../src/model/secret-mark.ts';
import { createCertificate } from '../host/support/certificate.ts';
import {
  createGuest,
  type GuestOptions,
  grantFor,
  MARK,
  resolverOf,
  secretRef,
} from '../host/support/guest.ts';
import { startServer } from '../host/support/web.ts';

/*
 * Threat: a secret leaves through a result, a log, an error, a receipt, or goes to a place it is not bound to. A guest
 * never holds a value, only `${secrets.NAME:MARK}`, so its logs and results cannot contain one.
 */

const VALUE = 'tOp/s3cr+t "vâlue"';
const OTHER = 'another-secret-value';
const FORMS = [
  VALUE,
  JSON.stringify(VALUE).slice(1, -1),
  encodeURIComponent(VALUE),
  Buffer.from(VALUE).toString('base64'),
  Buffer.from(VALUE).toString('latin1'),
];

const METHODS: Extract<GrantInput, { capability: 'http' }>['methods'] = ['GET', 'POST'];

function guestFor(port: number, overrides: GuestOptions = {}) {
  return createGuest({
    grants: [
      grantFor(port, { hosts: ['bound.test', 'other.test'], methods: METHODS }),
      { capability: 'secret', names: ['TOKEN'], hosts: ['bound.test'], plain_http: true },
      { capability: 'secret', names: ['OTHER'], hosts: ['other.test'], plain_http: true },
    ],
    secrets: { TOKEN: VALUE, OTHER },
    http: { resolve: resolverOf({ 'bound.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] }) },
    ...overrides,
  });
}

/** Answers with everything it was sent, in header and body, in several encodings. */
const echo: RequestListener = (request, response) => {
  const raw = decodeURIComponent(request.url?.slice(1) ?? '');
  response.writeHead(200, { 'x-echo': encodeURIComponent(raw) });
  response.end(
    [raw, JSON.stringify(raw), Buffer.from(`x:${raw}`).toString('base64'), request.url].join('\n'),
  );
};

describe('a secret goes only where it is bound', () => {
  it('in a header, unless it has characters that cannot stand there', async () => {
    await using server = await startServer();
    const ascii = 'only-ascii-value';
    const url = `http://bound.test:${server.port}/`;
    const headers = { authorization: `Bearer ${secretRef('TOKEN')}` };
    await guestFor(server.port, { secrets: { TOKEN: ascii } })({ url, headers });
    expect(server.requests[0]?.headers['authorization']).toBe(`Bearer ${ascii}`);
    const refused = await guestFor(server.port, { secrets: { TOKEN: 'naïve-€-value' } })({ url, headers });
    expect(refused.error.code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [
      'application/json; charset=utf-8',
      JSON.stringify({ key: secretRef('TOKEN') }),
      JSON.stringify({ key: VALUE }),
    ],
    [
      'application/x-www-form-urlencoded',
      `a=1&key=${secretRef('TOKEN')}`,
      `a=1&key=${encodeURIComponent(VALUE)}`,
    ],
    ['text/plain', `ü ${secretRef('TOKEN')} ü`, `ü ${VALUE} ü`],
  ])('in a body of type %s', async (type, body, received) => {
    await using server = await startServer();
    const url = `http://bound.test:${server.port}/a/${secretRef('TOKEN')}/b?k=${secretRef('TOKEN')}&z=1`;
    const answer = await guestFor(server.port)(
      { method: 'POST', url, headers: { 'content-type': type } },
      body,
    );
    expect(answer.status).toBe(0);
    expect(server.requests[0]?.body).toBe(received);
    const sent = new URL(server.requests[0]?.path ?? '', 'http://bound.test');
    expect(decodeURIComponent(sent.pathname.split('/')[2] ?? '')).toBe(VALUE);
    expect(sent.pathname.split('/')).toHaveLength(4);
    expect([...sent.searchParams]).toEqual([
      ['k', VALUE],
      ['z', '1'],
    ]);
  });

  it('and not to another granted host', async () => {
    await using server = await startServer();
    const guest = guestFor(server.port);
    const url = `http://other.test:${server.port}/`;
    for (const answer of [
      await guest({ url, headers: { authorization: secretRef('TOKEN') } }),
      await guest({ url: `${url}?k=${secretRef('TOKEN')}` }),
      await guest({ url, method: 'POST' }, secretRef('TOKEN')),
      await guest({ url, method: 'POST', headers: { a: secretRef('OTHER') } }, secretRef('TOKEN')),
    ]) {
      expect(answer).toMatchObject({ status: 1, error: { code: 'ERR_SECRET_DENIED', retryable: false } });
      expect(answer.error.message).toContain('names = ["TOKEN"]\nhosts = ["other.test"]');
    }
    expect(server.requests).toHaveLength(0);
  });

  it('and not without TLS, unless that is granted', async () => {
    const tls = createCertificate('bound.test');
    await using plain = await startServer();
    await using secure = await startServer(undefined, { tls });
    const ascii = 'only-ascii-value';
    const guest = guestFor(plain.port, {
      grants: [
        grantFor(plain.port, { schemes: ['http', 'https'], hosts: ['bound.test'], ports: ['*'] }),
        { capability: 'secret', names: ['TOKEN'], hosts: ['bound.test'] },
      ],
      secrets: { TOKEN: ascii },
      http: { ca: tls.cert, resolve: resolverOf({ 'bound.test': ['127.0.0.1'] }) },
    });
    const headers = { authorization: secretRef('TOKEN') };
    const refused = await guest({ url: `http://bound.test:${plain.port}/`, headers });
    expect(refused.error.code).toBe('ERR_SECRET_DENIED');
    expect(refused.error.message).toContain('plain_http = true');
    expect(plain.requests).toHaveLength(0);
    expect((await guest({ url: `https://bound.test:${secure.port}/`, headers })).status).toBe(0);
    expect(secure.requests[0]?.headers['authorization']).toBe(ascii);
  });

  it.each([
    'https://${T}/',
    'https://x.${T}.test/',
    '${T}://bound.test/',
    'https://bound.test:${T}/',
    'https://${T}@bound.test/',
  ])('and never into scheme, host, port or credentials of a URL: %s', async (template) => {
    const url = template.replace('${T}', secretRef('TOKEN'));
    const answer = await guestFor(443)({ url });
    expect(answer).toMatchObject({ status: 2, error: { code: 'ERR_HOST_CALL_INVALID' } });
  });

  it('and a value with dots and slashes cannot leave the granted path', async () => {
    await using server = await startServer();
    const guest = guestFor(server.port, {
      grants: [
        grantFor(server.port, { hosts: ['bound.test'], path_prefix: '/public' }),
        { capability: 'secret', names: ['TOKEN'], hosts: ['bound.test'], plain_http: true },
      ],
      secrets: { TOKEN: '../../private' },
    });
    const answer = await guest({ url: `http://bound.test:${server.port}/public/${secretRef('TOKEN')}` });
    expect(answer.error.code).toBe('ERR_GRANT_MISSING');
    expect(answer.everything).not.toContain('private');
    expect(server.requests).toHaveLength(0);
  });

  it('and a value with a line break cannot add a header', async () => {
    await using server = await startServer();
    const guest = guestFor(server.port, { secrets: { TOKEN: 'first-line\r\nx-injected: yes' } });
    const url = `http://bound.test:${server.port}/`;
    const answer = await guest({ url, headers: { a: secretRef('TOKEN') } });
    expect(answer.error.code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(answer.everything).not.toContain('x-injected');
    expect(server.requests).toHaveLength(0);
  });

  it('and a redirect does not carry it to another origin', async () => {
    await using other = await startServer();
    await using bound = await startServer((request, response) => {
      const to = request.url?.startsWith('/open?to=') ? decodeURIComponent(request.url.slice(9)) : '/';
      response.writeHead(307, { location: `http://other.test:${other.port}${to}` });
      response.end();
    });
    const guest = guestFor(bound.port, {
      grants: [
        grantFor(bound.port, { hosts: ['*'], ports: ['*'], methods: METHODS }),
        { capability: 'secret', names: ['TOKEN'], hosts: ['bound.test'], plain_http: true },
      ],
    });
    const url = `http://bound.test:${bound.port}`;
    const inBody = await guest({ method: 'POST', url: `${url}/` }, secretRef('TOKEN'));
    expect(inBody.error.code).toBe('ERR_SECRET_DENIED');
    const throughOpenRedirect = await guest({ url: `${url}/open?to=%2F${secretRef('TOKEN')}` });
    expect(throughOpenRedirect.error.code).toBe('ERR_SECRET_DENIED');
    expect(other.requests).toHaveLength(0);
  });
});

describe('a reference to a secret counts only where the author of the configuration wrote it', () => {
  const scope = {
    context: { note: '${secrets.TOKEN}', a: '${secrets.', b: 'TOKEN}' },
    steps: {},
    secretMark: MARK,
  };

  it('so data that reads like one is sent as text', async () => {
    await using server = await startServer();
    const config = resolveReferences(['${task.context.note} ${task.context.a}${task.context.b}'], scope);
    const body = config.allowed ? String((config.value as string[])[0]) : '';
    const guest = guestFor(server.port);
    const answer = await guest({ method: 'POST', url: `http://bound.test:${server.port}/` }, body);
    expect(answer.status).toBe(0);
    expect(server.requests[0]?.body).toBe('${secrets.TOKEN} ${secrets.TOKEN}');
  });

  it.each([
    ['without a mark', '${secrets.TOKEN}'],
    ['with the mark of another invocation', secretPlaceholder('TOKEN', secretMarkOf('another'))],
    ['with an empty mark', '${secrets.TOKEN:}'],
  ])('so one %s is refused in URL and header, and is text in a body', async (_, text) => {
    await using server = await startServer();
    const guest = guestFor(server.port);
    const url = `http://bound.test:${server.port}/`;
    for (const head of [{ url: `${url}${text}` }, { url, headers: { a: text } }]) {
      expect((await guest(head)).error.code).toBe('ERR_SECRET_DENIED');
    }
    await guest({ method: 'POST', url }, text);
    expect(server.requests.map((request) => request.body)).toEqual([text]);
  });

  it('so a guest cannot name one that is granted but not referred to', async () => {
    await using server = await startServer();
    const url = `http://other.test:${server.port}/`;
    await guestFor(server.port)({ method: 'POST', url }, '${secrets.OTHER}');
    expect(server.requests[0]?.body).not.toContain(OTHER);
  });
});

describe('the value of a secret does not come back', () => {
  it('from a server that echoes it', async () => {
    await using server = await startServer(echo);
    const answer = await guestFor(server.port)({
      url: `http://bound.test:${server.port}/${secretRef('TOKEN')}`,
    });
    expect(answer.body).toContain('[secret TOKEN]');
    expect(answer.head.headers['x-echo']).toBe('[secret TOKEN]');
    expect(answer.head.url).toBe(`http://bound.test:${server.port}/[secret TOKEN]`);
    expect(answer.head.headers).not.toHaveProperty('content-length');
    for (const form of FORMS) expect(answer.everything).not.toContain(form);
    expect(answer.record.target).toBe(`GET http://bound.test:${server.port}/\${secrets.TOKEN}`);
  });

  it('in the message or record of a failure', async () => {
    const failures: GuestOptions[] = [
      { http: { resolve: resolverOf({}) } },
      { http: { resolve: resolverOf({ 'bound.test': ['10.0.0.1'] }) } },
      { limits: { http_timeout_ms: 50 }, http: { resolve: () => new Promise(() => {}) } },
      { services: { secrets: { get: () => Promise.reject(new Error(`cannot read ${VALUE}`)) } } },
      { secrets: {} },
    ];
    for (const failure of failures) {
      const answer = await guestFor(
        80,
        failure,
      )({ url: `http://bound.test/${secretRef('TOKEN')}?k=${secretRef('TOKEN')}` });
      expect(answer.status).not.toBe(0);
      expect(answer.error.code).not.toBe('ERR_INTERNAL');
      for (const form of FORMS) expect(answer.everything).not.toContain(form);
    }
  });

  it('so a value too short to be recognised is not used', async () => {
    await using server = await startServer();
    const guest = guestFor(server.port, { secrets: { TOKEN: '1234567' } });
    const answer = await guest({
      url: `http://bound.test:${server.port}/`,
      headers: { a: secretRef('TOKEN') },
    });
    expect(answer).toMatchObject({ status: 4, error: { code: 'ERR_SECRET_UNAVAILABLE', retryable: false } });
    expect(server.requests).toHaveLength(0);
  });

  it('and one that does not exist says which setting is missing', async () => {
    const answer = await guestFor(80, { secrets: {} })({
      url: 'http://bound.test/',
      headers: { a: secretRef('TOKEN') },
    });
    expect(answer.error.message).toContain('there is no secret TOKEN; add [secrets.TOKEN] to broker.toml');
  });
});
