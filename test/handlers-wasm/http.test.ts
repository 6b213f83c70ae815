import { beforeAll, describe, expect, it } from 'vitest';
import { HOST_STATUS } from '../../src/model/abi.ts';
import { type BareHttpRequest, bareHttpError, bareHttpResponse } from '../support/bare-guest.ts';
import { loadHandler, outputOf } from './catalog-handler.ts';

let request: Awaited<ReturnType<typeof loadHandler>>;
let notify: Awaited<ReturnType<typeof loadHandler>>;
beforeAll(async () => {
  request = await loadHandler('http_request');
  notify = await loadHandler('notify');
});

const URL_ = 'http://127.0.0.1:8080/x';
const respond =
  (status: number, body: string | Uint8Array = '', headers: Record<string, string> = {}) =>
  () =>
    bareHttpResponse(status, headers, body);

/** What the handler sends for a configuration. */
function sent(config: object): BareHttpRequest & { readonly body: string } {
  let seen: (BareHttpRequest & { readonly body: string }) | null = null;
  request(null, { url: URL_, ...config }, (head, body) => {
    seen = { ...head, body: new TextDecoder().decode(body) };
    return bareHttpResponse(200, {}, '');
  });
  if (seen === null) throw new Error('expected a request');
  return seen;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

describe.each(['http_request', 'notify'] as const)('%s', (name) => {
  const run = (config: object, http: Parameters<typeof request>[2]) =>
    (name === 'notify' ? notify : request)(
      null,
      { url: URL_, ...(name === 'notify' ? { message: 'm' } : {}), ...config },
      http,
    );

  it.each([408, 425, 429, 500, 502, 503, 504])('fails retryably for status %d', (status) => {
    expect(run({}, respond(status)).failure).toEqual({
      code: 'http_status',
      message: `expected a successful status, got ${status}`,
      retryable: true,
    });
  });

  it.each([301, 400, 401, 404, 501])('fails for good for status %d', (status) => {
    expect(run({}, respond(status)).failure).toEqual({
      code: 'http_status',
      message: `expected a successful status, got ${status}`,
    });
  });

  it('lets the configuration say which statuses are expected or retried', () => {
    expect(run({ expected_statuses: [404] }, respond(404)).failure).toBeNull();
    expect(run({ expected_statuses: [404] }, respond(200)).failure?.code).toBe('http_status');
    expect(run({ retry_statuses: [404] }, respond(404)).failure?.retryable).toBe(true);
    expect(run({ retry_statuses: [404] }, respond(503)).failure?.retryable).toBeUndefined();
  });

  it.each([
    ['2', 2000],
    ['0', 0],
    ['999999', 3_000_000],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ['-1', undefined],
    ['99999999999', undefined],
  ])('waits as long as retry-after %s asks', (header, delay) => {
    expect(run({}, respond(503, '', { 'retry-after': header })).failure?.retry_after_ms).toBe(delay);
    expect(run({}, respond(404, '', { 'retry-after': header })).failure?.retry_after_ms).toBeUndefined();
  });

  it('hands on a refusal or failure of the host as it is', () => {
    const denied = run({}, () =>
      bareHttpError(HOST_STATUS.denied, 'ERR_HTTP_DENIED', 'expected a grant', false),
    );
    expect(denied.failure).toEqual({ code: 'ERR_HTTP_DENIED', message: 'expected a grant' });
    const timeout = run({}, () => bareHttpError(HOST_STATUS.failed, 'ERR_HTTP_TIMEOUT', 'too slow', true));
    expect(timeout.failure).toEqual({ code: 'ERR_HTTP_TIMEOUT', message: 'too slow', retryable: true });
  });

  it.each([
    [{ url: 5 }, 'config.url: expected string'],
    [{ method: 'TRACE' }, 'config.method: expected'],
    [{ headers: { a: 1 } }, 'config.headers: expected string'],
    [{ headers: [] }, 'config.headers: expected object'],
    [{ timeout_ms: 0 }, 'config.timeout_ms: expected whole number'],
    [{ retries: 1 }, 'config.retries: expected only'],
  ])('refuses the configuration %j', (config, message) => {
    expect(run(config, respond(200)).failure).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('http_request', () => {
  it.each([
    [{ query: { q: 'a b&c', n: 1, yes: true } }, `${URL_}?q=a%20b%26c&n=1&yes=true`],
    [{ url: `${URL_}?a=1#top`, query: { 'ü[]': ['x', 2] } }, `${URL_}?a=1&%C3%BC%5B%5D=x&%C3%BC%5B%5D=2#top`],
    [{ query: { key: 'a ${secrets.KEY} b' } }, `${URL_}?key=a%20\${secrets.KEY}%20b`],
    [{ query: { key: '${secrets.KEY:0a1f}' } }, `${URL_}?key=\${secrets.KEY:0a1f}`],
    [
      { query: { key: '${secrets.a&b=1}${secrets.}' } },
      `${URL_}?key=%24%7Bsecrets.a%26b%3D1%7D%24%7Bsecrets.%7D`,
    ],
    [{ query: {} }, URL_],
  ])('adds a query to the URL: %j', (config, url) => {
    expect(sent(config).url).toBe(url);
  });

  it('sends credentials as the kind of auth says', () => {
    expect(sent({ auth: { type: 'bearer', token: '${secrets.T}' } }).headers).toEqual({
      authorization: 'Bearer ${secrets.T}',
    });
    expect(sent({ auth: { type: 'basic', credential: 'dTpw' } }).headers).toEqual({
      authorization: 'Basic dTpw',
    });
    expect(sent({ auth: { type: 'header', name: 'X-Key', value: 'k' } }).headers).toEqual({ 'X-Key': 'k' });
  });

  it('sends a body as text or JSON, with the content type that is configured', () => {
    expect(sent({ method: 'POST', body: 'é' })).toMatchObject({
      body: 'é',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
    expect(sent({ method: 'POST', body: [1, null] })).toMatchObject({
      body: '[1,null]',
      headers: { 'content-type': 'application/json' },
    });
    expect(sent({ method: 'POST', body: 'x', headers: { 'Content-Type': 'a/b' } }).headers).toEqual({
      'Content-Type': 'a/b',
    });
  });

  it.each([
    ['auto', JSON_TYPE, '{"a":1}', { a: 1 }],
    ['auto', { 'content-type': 'application/problem+json' }, '[]', []],
    ['auto', { 'content-type': 'text/plain' }, '{"a":1}', '{"a":1}'],
    ['auto', {}, 'x', 'x'],
    ['json', {}, '\ufeff{"a":1}', { a: 1 }],
    ['text', JSON_TYPE, '{"a":"é"}', '{"a":"é"}'],
    ['json', {}, '', null],
    ['text', {}, '', null],
  ])('reads the body as %s with %j', (format, headers, body, expected) => {
    const result = request(
      null,
      { url: URL_, response: { format } },
      respond(200, body, headers as Record<string, string>),
    );
    expect((outputOf(result) as { body: unknown }).body).toEqual(expected);
  });

  it('hands on only the headers that later steps can use', () => {
    const headers = { 'content-type': 'text/plain', etag: '"x"', 'set-cookie': 's=1', server: 'x' };
    expect(outputOf(request(null, { url: URL_ }, respond(200, 'b', headers)))).toEqual({
      status: 200,
      headers: { 'content-type': 'text/plain', etag: '"x"' },
      body: 'b',
    });
  });

  it.each([
    [{}, '{"a":', JSON_TYPE, 'response_not_json', 'expected a JSON body, got expected a value at byte 5'],
    [
      { extract: '$.b' },
      '{"a":1}',
      JSON_TYPE,
      'response_extract_missing',
      'expected $.b in the body, got nothing',
    ],
    [{ extract: '$.b' }, 'text', {}, 'response_not_json', 'expected a JSON body to extract from, got text'],
    [{ extract: 'b' }, '{}', JSON_TYPE, 'path_invalid', 'path b'],
    [{ format: 'xml' }, '', {}, 'config_invalid', 'config.response.format: expected auto, json or text'],
    [{ as: 'xml' }, '', {}, 'config_invalid', 'config.response.as: expected only'],
  ])('fails for a response that is not as configured: %j %s', (response, body, headers, code, message) => {
    expect(
      request(null, { url: URL_, response }, respond(200, body, headers as Record<string, string>)).failure,
    ).toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('refuses a body that is no text', () => {
    expect(request(null, { url: URL_ }, respond(200, Uint8Array.of(0xff, 0xfe))).failure?.code).toBe(
      'response_not_text',
    );
  });

  it.each([
    [{ auth: { type: 'oauth' } }, 'config.auth.type: expected bearer, basic or header'],
    [{ auth: { type: 'basic', user: 'u' } }, 'config.auth.user: expected only type, credential'],
    [{ auth: { type: 'bearer' } }, 'config.auth.token: expected string'],
    [{ query: { a: { b: 1 } } }, 'config.query.a: expected string, number, boolean'],
    [{ expected_statuses: 200 }, 'config.expected_statuses: expected array'],
  ])('refuses the configuration %j', (config, message) => {
    expect(request(null, { url: URL_, ...config }, respond(200)).failure?.message).toContain(message);
  });
});

describe('notify', () => {
  it('needs a message or a body', () => {
    expect(notify(null, { url: URL_ }, respond(200)).failure?.message).toBe(
      'config.message: expected string, or a body, got nothing',
    );
  });

  it('knows no channel but webhook', () => {
    const config = { url: URL_, message: 'm', channel: 'email' };
    expect(notify(null, config, respond(200)).failure?.message).toBe(
      'config.channel: expected webhook, got email',
    );
  });
});
