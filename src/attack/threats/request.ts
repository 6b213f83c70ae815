import type { PartialLimits } from '../../model/limits.ts';
import { type Attack, callRefused, harmless } from '../attack.ts';
import { type CourierRequest, courier } from '../guests/courier.ts';
import { PUBLIC } from '../target/internet.ts';

const URL_OK = 'http://bound.test/ok';
/** For answers that never come. */
const SOON = { http_first_byte_ms: 200, http_timeout_ms: 300 } as const;
const DIALLED = [`${PUBLIC} 80`];

const smuggling = (id: string, tries: string, request: CourierRequest): Attack => ({
  id: `smuggle-${id}`,
  threat: 'request',
  tries,
  by: courier([request]),
  expect: callRefused('ERR_HOST_CALL_INVALID'),
});

const answer = (
  id: string,
  tries: string,
  code: Parameters<typeof callRefused>[0],
  limits: PartialLimits = {},
): Attack => ({
  id: `answer-${id}`,
  threat: 'request',
  tries,
  by: courier([`http://bound.test/${id}`], { limits }),
  expect: callRefused(code, { dialled: DIALLED }),
});

export const REQUEST_ATTACKS: readonly Attack[] = [
  smuggling('by-chunking', 'set the framing of the request itself', {
    url: URL_OK,
    headers: [['transfer-encoding', 'chunked']],
  }),
  smuggling('by-length', 'lie about its length', { url: URL_OK, headers: [['content-length', '5']] }),
  smuggling('by-host', 'name another host than the one that was checked', {
    url: URL_OK,
    headers: [['host', 'evil.test']],
  }),
  smuggling('by-header-value', 'put a second request into a header', {
    url: URL_OK,
    headers: [['a', 'b\r\n\r\nGET /second HTTP/1.1']],
  }),
  smuggling('by-header-name', 'put a line break into the name of a header', {
    url: URL_OK,
    headers: [['a\r\nb', 'c']],
  }),
  smuggling('by-method', 'put a second request into the method', {
    url: URL_OK,
    method: 'GET /second HTTP/1.1\r\n\r\nGET',
  }),
  smuggling('by-url', 'put a second request into the URL', {
    url: `${URL_OK} HTTP/1.1\r\nhost: evil.test\r\n\r\nGET /second`,
  }),
  smuggling('by-proxy', 'talk to a proxy', { url: URL_OK, headers: [['proxy-authorization', 'x']] }),
  smuggling('by-upgrade', 'turn the connection into something else', {
    url: URL_OK,
    headers: [['upgrade', 'websocket']],
  }),
  answer('bomb', 'have a few bytes unpacked to eight million', 'ERR_HTTP_FAILED'),
  answer('endless', 'have an answer never end', 'ERR_HTTP_TOO_LARGE'),
  answer('endless-header', 'have a header never end', 'ERR_HTTP_TOO_LARGE'),
  answer('headers', 'have two thousand headers come', 'ERR_HTTP_TOO_LARGE'),
  answer('silent', 'have the host wait for ever', 'ERR_HTTP_TIMEOUT', SOON),
  answer('half-a-body', 'have the host wait for the rest of a body', 'ERR_HTTP_TIMEOUT', SOON),
  answer('two-lengths', 'have an answer mean two things', 'ERR_HTTP_FAILED'),
  {
    id: 'request-too-large',
    threat: 'request',
    tries: 'send more than one request may have',
    by: courier([{ url: URL_OK, method: 'POST', body: 'x'.repeat(3000) }], {
      limits: { http_request_bytes: 1000 },
    }),
    expect: callRefused('ERR_HTTP_TOO_LARGE'),
  },
  {
    id: 'request-control',
    threat: 'request',
    tries: 'nothing: an encoded line break stays one',
    by: courier([`${URL_OK}%0d%0aGET%20/second`]),
    expect: harmless([200], DIALLED),
  },
];
