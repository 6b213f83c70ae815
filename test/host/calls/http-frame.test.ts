import { describe, expect, it } from 'vitest';
import { createGuest, frameOf, grantFor } from '../support/guest.ts';

const guest = createGuest({ grants: [grantFor(80)] });
const URL_OK = 'http://127.0.0.1/';

/** Sent to a granted place that nobody listens on: what gets past decoding fails there. */
async function codeOf(frame: Uint8Array): Promise<string> {
  const answer = await createGuest({
    grants: [grantFor(80)],
    http: {
      dial: () => Promise.reject(Object.assign(new Error('nobody listens'), { code: 'ECONNREFUSED' })),
    },
  })(frame);
  return answer.error.code;
}

describe('the frame of http_request', () => {
  it.each([
    ['nothing', new Uint8Array()],
    ['three bytes', new Uint8Array(3)],
    ['a head length beyond the frame', Buffer.concat([Buffer.from([5, 0, 0, 0]), Buffer.from('{}')])],
    ['the largest head length', Buffer.concat([Buffer.from([255, 255, 255, 255]), Buffer.from('{}')])],
    ['an empty head', new Uint8Array(4)],
    ['a head that is not JSON', frameOf('{"url":')],
    ['a head that is not UTF-8', Buffer.concat([Buffer.from([3, 0, 0, 0]), Buffer.from([0x22, 0xff, 0x22])])],
    ['a head that is no object', frameOf('[]')],
    ['an unknown key', frameOf(JSON.stringify({ method: 'GET', url: URL_OK, proxy: 'x' }))],
    ['an unknown method', frameOf({ method: 'CONNECT', url: URL_OK })],
    ['a method in lower case', frameOf({ method: 'get', url: URL_OK })],
    ['a time that is not positive', frameOf({ url: URL_OK, timeout_ms: 0 })],
    ['a URL beyond 8192 characters', frameOf({ url: URL_OK + 'x'.repeat(8192) })],
    ['a GET with a body', frameOf({ url: URL_OK }, 'x')],
    ['a head beyond 64 KiB', frameOf({ url: URL_OK, headers: { a: 'x'.repeat(64 * 1024) } })],
  ])('with %s is invalid', async (_, frame) => {
    const answer = await guest(frame);
    expect(answer).toMatchObject({ status: 2, error: { code: 'ERR_HOST_CALL_INVALID', retryable: false } });
  });

  it('with a sound head gets past decoding', async () => {
    expect(await codeOf(frameOf({ url: URL_OK }))).toBe('ERR_HTTP_FAILED');
  });

  it.each([
    'nonsense',
    '/path',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'data:,x',
    'http://u@127.0.0.1/',
    'http://u:p@127.0.0.1/',
    ' http://127.0.0.1/',
    'http://127.0.0.1/\n',
    'http://127.0.\t0.1/',
    'http://127.0.0.1:99999/',
    'http://[::1/',
    'http://',
  ])('the URL %j is invalid', async (url) => {
    expect(await codeOf(frameOf({ url }))).toBe('ERR_HOST_CALL_INVALID');
  });

  it.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'connection',
    'proxy-authorization',
    'Proxy-Connection',
    'te',
    'upgrade',
    'keep-alive',
    'expect',
    'trailer',
    'accept-encoding',
    '',
    'a b',
    'a:b',
    'ä',
    'a\r\nb',
  ])('the header name %j is invalid', async (name) => {
    expect(await codeOf(frameOf({ url: URL_OK, headers: { [name]: 'x' } }))).toBe('ERR_HOST_CALL_INVALID');
  });

  it.each(['a\rb', 'a\nb', 'a\r\nInjected: yes', 'a\0b', 'a\u007fb', 'a\u0100b', '\ud800'])(
    'the header value %j is invalid',
    async (value) => {
      expect(await codeOf(frameOf({ url: URL_OK, headers: { a: value } }))).toBe('ERR_HOST_CALL_INVALID');
    },
  );

  it('too many headers, too many bytes of them and one name twice are invalid', async () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`h${index}`, 'x']));
    const large = { a: 'x'.repeat(10_000), b: 'x'.repeat(10_000) };
    for (const headers of [many, large, { 'X-A': '1', 'x-a': '2' }]) {
      expect(await codeOf(frameOf({ url: URL_OK, headers }))).toBe('ERR_HOST_CALL_INVALID');
    }
    expect(await codeOf(frameOf({ url: URL_OK, headers: { 'X-A': '1', 'x-b': 'ÿ\t' } }))).toBe(
      'ERR_HTTP_FAILED',
    );
  });

  it('a body beyond limits.http_request_bytes is too large', async () => {
    const small = createGuest({
      grants: [grantFor(80, { methods: ['POST'] })],
      limits: { http_request_bytes: 10 },
    });
    const answer = await small({ method: 'POST', url: URL_OK }, 'x'.repeat(11));
    expect(answer).toMatchObject({ status: 5, error: { code: 'ERR_HTTP_TOO_LARGE' } });
    expect(answer.error.message).toContain('body of 11 bytes; limits.http_request_bytes allows 10');
  });
});
