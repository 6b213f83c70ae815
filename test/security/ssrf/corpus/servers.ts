import { AT_EXAMPLE, PUBLIC, type Row, type RowClass, STUCK } from '../row.ts';

/* What a hostile server answers. The paths are those of world.ts. */

const at = (rowClass: RowClass, path: string, expect: Row['expect'], rest: Partial<Row> = {}): Row => ({
  class: rowClass,
  url: `http://example.test${path}`,
  expect,
  dialled: AT_EXAMPLE,
  ...rest,
});

const LATE = 'ERR_HTTP_TIMEOUT';
const brief = { limits: { http_first_byte_ms: 60 } };
const briefInAll = { limits: { http_timeout_ms: 120 } };
const briefConnect = { limits: { http_connect_ms: 60 } };

const SLOW: readonly Row[] = [
  at('slow responses', '/silent', LATE, brief),
  at('slow responses', '/silent', LATE, { ...briefInAll, note: 'total time' }),
  at('slow responses', '/half-a-status-line', LATE, brief),
  at('slow responses', '/half-a-header', LATE, brief),
  at('slow responses', '/hints-only', LATE, brief),
  at('slow responses', '/endless-hints', LATE, brief),
  at('slow responses', '/half-a-body', LATE, briefInAll),
  at('slow responses', '/half-a-chunk', LATE, briefInAll),
  at('slow responses', '/dripping-body', LATE, briefInAll),
  at('slow responses', '/to/302/%2Fsilent', LATE, brief),
  at('slow responses', '/ok', LATE, {
    ...briefConnect,
    url: 'http://stuck.test/ok',
    zone: { 'stuck.test': [[STUCK]] },
    dialled: [`${STUCK} 80`],
  }),
  at('slow responses', '/ok', LATE, {
    ...briefConnect,
    url: 'https://example.test:8443/ok',
    note: 'TLS that is never spoken',
    dialled: [`${PUBLIC} 8443`],
  }),
  at('slow responses', '/ok', LATE, {
    ...briefConnect,
    url: 'http://never-resolved.test/ok',
    dialled: [],
  }),
  at('slow responses', '/hints', 'ok'),
  at('slow responses', '/chunks', 'ok'),
  at('slow responses', '/half-a-redirect', 'ok', { note: 'the body of a redirect never ends' }),
  at('slow responses', '/until-closed', 'ok'),
  at('slow responses', '/ok', 'ok', {
    url: 'http://stuck-first.test/ok',
    limits: { http_connect_ms: 1000 },
    zone: { 'stuck-first.test': [[STUCK, PUBLIC]] },
    dialled: [`${STUCK} 80`, ...AT_EXAMPLE],
  }),
];

const LARGE = 'ERR_HTTP_TOO_LARGE';
const small = { limits: { http_response_bytes: 1000 } };

const SIZES: readonly Row[] = [
  ...['gzip', 'br', 'deflate', 'zstd', 'gzip,%20gzip', 'x-gzip', 'GZIP', 'compress', 'gzip,%20br'].map(
    (coding) => at('sizes and bombs', `/bomb/${coding}`, 'ERR_HTTP_FAILED'),
  ),
  at('sizes and bombs', '/endless', LARGE, small),
  at('sizes and bombs', '/endless-chunks', LARGE, small),
  at('sizes and bombs', '/announced/1000000000', LARGE, small),
  at('sizes and bombs', '/announced/99999999999999999999', 'ERR_HTTP_FAILED', small),
  at('sizes and bombs', '/body/1001', LARGE, small),
  at('sizes and bombs', '/body/1000', 'ok', small),
  at('sizes and bombs', '/body/0', 'ok', small),
  at('sizes and bombs', '/to/302/%2Fendless', LARGE, small),
  at('sizes and bombs', '/body/100', 'ERR_GRANT_BYTES', { grant: { bytes: 99 } }),
  at('sizes and bombs', '/body/100', 'ok', { grant: { bytes: 100 } }),
  at('sizes and bombs', '/body/60', 'ERR_GRANT_BYTES', { grant: { bytes: 100 }, times: 2 }),
  at('sizes and bombs', '/body/50', 'ok', { grant: { bytes: 100 }, times: 2 }),
  at('sizes and bombs', '/ok', 'ERR_GRANT_REQUESTS', { grant: { requests: 2 }, times: 3 }),
  at('sizes and bombs', '/hops/3', 'ERR_GRANT_REQUESTS', { grant: { requests: 3 } }),
  at('sizes and bombs', '/coded/identity', 'ok'),
  at('sizes and bombs', '/gzip-file', 'ok', { note: 'compressed data that no header declares is data' }),
  at('sizes and bombs', '/bomb/gzip', 'ok', { method: 'HEAD' }),
  at('sizes and bombs', '/announced/1000000000', 'ok', { ...small, method: 'HEAD' }),
];

const BROKEN = 'ERR_HTTP_FAILED';

const HEADERS: readonly Row[] = [
  ...[1, 50, 99].map((count) => at('header floods', `/headers/${count}/10`, 'ok')),
  ...[100, 101, 1000, 5000].map((count) => at('header floods', `/headers/${count}/10`, LARGE)),
  at('header floods', '/headers/1/20000', 'ok'),
  at('header floods', '/headers/1/40000', LARGE),
  at('header floods', '/headers/90/400', LARGE),
  at('header floods', '/endless-header', LARGE),
  at('header floods', '/endless-headers', LARGE),
  at('header floods', '/hints/20', 'ok'),
  at('header floods', '/two-lengths', BROKEN),
  at('header floods', '/length-and-chunks', BROKEN),
  at('header floods', '/nul-in-header', BROKEN),
  at('header floods', '/garbage', BROKEN),
  at('header floods', '/closed', BROKEN),
  at('header floods', '/switching', BROKEN),
  at('header floods', '/proto-header', 'ok'),
];

export const SERVERS: readonly Row[] = [...SLOW, ...SIZES, ...HEADERS];
