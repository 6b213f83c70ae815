import { AT_EXAMPLE, PUBLIC, type Row, rows } from '../row.ts';

/* Ways to write a URL that are read in different ways by different parsers. */

const onlyExample = { grant: { hosts: ['example.test'] } };
const DENIED = 'ERR_GRANT_MISSING';
const MALFORMED = 'ERR_HOST_CALL_INVALID';
const INSIDE = 'ERR_HTTP_ADDRESS';

const IDN: readonly Row[] = [
  ...rows('IDN', [
    ['http://１２７.０.０.１/ok', INSIDE],
    ['http://127。0。0。1/ok', INSIDE],
    ['http://①②⑦.⓪.⓪.①/ok', INSIDE],
    ['http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/ok', INSIDE],
    ['http://%31%32%37.0.0.1/ok', INSIDE],
    ['http://l%6fcalhost/ok', INSIDE],
    ['http://９３.184.215.14/ok', 'ok', AT_EXAMPLE],
  ]),
  ...rows(
    'IDN',
    [
      ['http://EXAMPLE.test/ok', 'ok', AT_EXAMPLE],
      ['http://ⒺⓍample.test/ok', 'ok', AT_EXAMPLE],
      ['http://exam%70le.test/ok', 'ok', AT_EXAMPLE],
      ['http://exam\u00adple.test/ok', 'ok', AT_EXAMPLE],
      ['http://example。test/ok', 'ok', AT_EXAMPLE],
      // Cyrillic е and а
      ['http://еxample.test/ok', DENIED],
      ['http://exаmple.test/ok', DENIED],
      ['http://xn--example-9.test/ok', DENIED],
      ['http://exa%00mple.test/ok', MALFORMED],
      ['http://exam ple.test/ok', MALFORMED],
    ],
    onlyExample,
  ),
  ...rows('IDN', [['http://straße.test/ok', DENIED]], { grant: { hosts: ['strasse.test'] } }),
  ...rows('IDN', [['http://exämple.test/ok', 'ok', AT_EXAMPLE]], {
    grant: { hosts: ['xn--exmple-cua.test'] },
    zone: { 'xn--exmple-cua.test': [[PUBLIC]] },
  }),
];

const dotted = {
  zone: { 'example.test.': [[PUBLIC]], 'private.test.': [['10.0.0.1']], 'localhost.': [['127.0.0.1']] },
};

const TRAILING_DOT: readonly Row[] = [
  ...rows('trailing dot', [
    ['http://127.0.0.1./ok', INSIDE],
    ['http://10.0.0.1./ok', INSIDE],
    ['http://2130706433./ok', INSIDE],
    ['http://0x7f.1./ok', INSIDE],
    ['http://169.254.169.254./ok', INSIDE],
    ['http://93.184.215.14./ok', 'ok', AT_EXAMPLE],
    ['http://0x5db8d70e./ok', 'ok', AT_EXAMPLE],
    ['http://[::1]./ok', MALFORMED],
    ['http://127.0.0.1../ok', 'ERR_HTTP_FAILED'],
  ]),
  ...rows(
    'trailing dot',
    [
      ['http://example.test./ok', 'ok', AT_EXAMPLE],
      ['http://private.test./ok', INSIDE],
      ['http://localhost./ok', INSIDE],
    ],
    dotted,
  ),
  ...rows('trailing dot', [['http://example.test./ok', DENIED]], { ...dotted, ...onlyExample }),
  ...rows('trailing dot', [['http://a.example.test./ok', DENIED]], { grant: { hosts: ['*.example.test'] } }),
];

const USERINFO = rows('userinfo', [
  ['http://user:secret@example.test/ok', MALFORMED],
  ['http://user@example.test/ok', MALFORMED],
  ['http://example.test@127.0.0.1/ok', MALFORMED],
  ['http://127.0.0.1@example.test/ok', MALFORMED],
  ['http://example.test:80@127.0.0.1/ok', MALFORMED],
  ['http://a@b@127.0.0.1/ok', MALFORMED],
  ['http://example.test%40127.0.0.1/ok', MALFORMED],
  ['http://:secret@example.test/ok', MALFORMED],
  ['http://127.0.0.1\\@example.test/ok', INSIDE],
  ['http:\\\\127.0.0.1/ok', INSIDE],
  ['http:///127.0.0.1/ok', INSIDE],
  ['http:127.0.0.1/ok', INSIDE],
  ['http://127.0.0.1#@example.test/', INSIDE],
  ['http://127.0.0.1?@example.test/', INSIDE],
  ['http://@example.test/ok', 'ok', AT_EXAMPLE],
  ['http://example.test/ok?@127.0.0.1/', 'ok', AT_EXAMPLE],
  ['http://example.test/ok#@127.0.0.1/', 'ok', AT_EXAMPLE],
  ['http://example.test\\ok', 'ok', AT_EXAMPLE],
  ['http:///example.test/ok', 'ok', AT_EXAMPLE],
]);

const PORTS: readonly Row[] = [
  ...rows(
    'ports and schemes',
    [
      ['http://example.test:80/ok', 'ok', AT_EXAMPLE],
      ['http://example.test:00080/ok', 'ok', AT_EXAMPLE],
      ['http://example.test:/ok', 'ok', AT_EXAMPLE],
      ['HTTP://example.test/ok', 'ok', AT_EXAMPLE],
      ['http://example.test:81/ok', DENIED],
      ['http://example.test:22/ok', DENIED],
      ['http://example.test:0/ok', DENIED],
      ['https://example.test:80/ok', DENIED],
      ['http://example.test:443/ok', DENIED],
      ['http://example.test:65616/ok', MALFORMED],
      ['http://example.test:-80/ok', MALFORMED],
      ['http://example.test:80a/ok', MALFORMED],
      ['http://example.test:８０/ok', MALFORMED],
      ['http://example.test:80:80/ok', MALFORMED],
      ['http://\texample.test/ok', MALFORMED],
      ['http://exam\nple.test/ok', MALFORMED],
      ['//example.test/ok', MALFORMED],
      ['ftp://example.test/ok', MALFORMED],
      ['file:///etc/passwd', MALFORMED],
      ['gopher://127.0.0.1:6379/_INFO', MALFORMED],
      ['data:text/plain,hello', MALFORMED],
      ['ws://example.test/ok', MALFORMED],
      ['blob:http://example.test/ok', MALFORMED],
    ],
    { grant: { schemes: ['http'], ports: [80] } },
  ),
  ...rows(
    'ports and schemes',
    [
      ['https://example.test/ok', 'ok', [`${PUBLIC} 443`]],
      ['https://example.test:443/ok', 'ok', [`${PUBLIC} 443`]],
      ['http://example.test:443/ok', DENIED],
      // The certificate has another name.
      ['https://unnamed.test/ok', 'ERR_HTTP_FAILED', [`${PUBLIC} 443`]],
      ['https://93.184.215.14/ok', 'ERR_HTTP_FAILED', [`${PUBLIC} 443`]],
    ],
    { grant: { schemes: ['https'], ports: [443] }, zone: { 'unnamed.test': [[PUBLIC]] } },
  ),
];

export const NAMES: readonly Row[] = [...IDN, ...TRAILING_DOT, ...USERINFO, ...PORTS];
