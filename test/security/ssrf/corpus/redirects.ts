import { AT_EXAMPLE, PUBLIC, PUBLIC_2, PUBLIC_V6, type Row } from '../row.ts';

/* Servers that send the client on. `/to/STATUS/URL` answers with a redirect, `/hops/N` with N of them before `hello`. */

const TLS = `${PUBLIC} 443`;

function to(
  location: string,
  expect: Row['expect'],
  { from = 'http://example.test', status = 302, dialled, ...rest }: Partial<Row> & RedirectFrom = {},
): Row {
  return {
    class: 'redirects',
    note: `${status} to ${location}`,
    url: `${from}/to/${status}/${encodeURIComponent(location)}`,
    expect,
    dialled: dialled ?? (from.startsWith('https') ? [TLS] : AT_EXAMPLE),
    ...rest,
  };
}

interface RedirectFrom {
  readonly from?: string;
  readonly status?: number;
}

const hops = (count: number, expect: Row['expect']): Row => ({
  class: 'redirects',
  url: `http://example.test/hops/${count}`,
  expect,
  dialled: AT_EXAMPLE,
});

const INSIDE = 'ERR_HTTP_ADDRESS';
const REFUSED = 'ERR_HTTP_REDIRECTS';

export const REDIRECTS: readonly Row[] = [
  ...[301, 302, 303, 307, 308].map((status) => to('/ok', 'ok', { status })),
  to('http://other.test/ok', 'ok', { dialled: [...AT_EXAMPLE, `${PUBLIC_2} 80`] }),
  to('//other.test/ok', 'ok', { dialled: [...AT_EXAMPLE, `${PUBLIC_2} 80`] }),
  to(`http://[${PUBLIC_V6}]/ok`, 'ok', { dialled: [...AT_EXAMPLE, `${PUBLIC_V6} 80`] }),
  to('https://example.test/ok', 'ok', { dialled: [...AT_EXAMPLE, TLS] }),
  to('https://example.test/ok', 'ok', { from: 'https://example.test' }),
  hops(1, 'ok'),
  hops(5, 'ok'),
  hops(6, REFUSED),
  hops(1_000_000, REFUSED),
  ...['http://127.0.0.1/ok', 'http://localhost/ok', 'http://private.test/ok', '//127.1/ok'].map((location) =>
    to(location, INSIDE),
  ),
  ...['http://2130706433/ok', 'http://0x7f.1/ok', 'http://0177.0.0.1/ok', 'http://[::1]/ok'].map((location) =>
    to(location, INSIDE),
  ),
  ...['http://[::ffff:169.254.169.254]/ok', 'http://169.254.169.254/latest/meta-data/'].map((location) =>
    to(location, INSIDE),
  ),
  ...[
    'http://[64:ff9b::7f00:1]/ok',
    'http://127.0.0.1./ok',
    'http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/ok',
  ].map((location) => to(location, INSIDE)),
  to('http://127.0.0.1/ok', INSIDE, { status: 307 }),
  to('http://127.0.0.1/ok', INSIDE, { status: 308, method: 'POST' }),
  to('http://example.test/to/302/http%3A%2F%2F10.0.0.1%2Fok', INSIDE, { note: 'two hops to the inside' }),
  to('http://example.test/ok', REFUSED, { from: 'https://example.test', note: 'downgrade' }),
  to('http://other.test/ok', REFUSED, { from: 'https://example.test', note: 'downgrade to another host' }),
  to('https://example.test/to/302/http%3A%2F%2Fexample.test%2Fok', REFUSED, {
    dialled: [...AT_EXAMPLE, TLS],
    note: 'up to TLS and down again',
  }),
  ...['file:///etc/passwd', 'gopher://127.0.0.1:6379/_INFO', 'data:text/plain,hello', 'javascript:1'].map(
    (location) => to(location, REFUSED),
  ),
  to('http://user:secret@example.test/ok', REFUSED),
  to('http://example.test@127.0.0.1/ok', REFUSED),
  to('http://example.test:70000/ok', REFUSED),
  to('http://example.test:8080/ok', 'ERR_GRANT_MISSING', { grant: { ports: [80] } }),
  to('http://other.test/ok', 'ERR_GRANT_MISSING', { grant: { hosts: ['example.test'] } }),
  to('/ok', 'ERR_GRANT_MISSING', { grant: { path_prefix: '/to' } }),
  {
    class: 'redirects',
    note: 'out of the granted path by a hidden dot segment',
    url: 'http://example.test/away',
    grant: { path_prefix: '/away' },
    expect: 'ERR_GRANT_MISSING',
    dialled: AT_EXAMPLE,
  },
];
