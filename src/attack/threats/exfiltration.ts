import { type Attack, callRefused, harmless, refused } from '../attack.ts';
import { courier, httpGrant } from '../guests/courier.ts';
import { PUBLIC, PUBLIC_2 } from '../target/internet.ts';

const AT_BOUND = `${PUBLIC} 80`;

/** An address that nobody granted, in some way of writing it. */
const literal = (id: string, tries: string, host: string): Attack => ({
  id: `literal-${id}`,
  threat: 'exfiltration',
  tries: `reach ${tries} as ${host}`,
  by: courier([`http://${host}/latest/meta-data`]),
  expect: callRefused('ERR_HTTP_ADDRESS'),
});

const name = (id: string, tries: string, zone: readonly (readonly string[])[]): Attack => ({
  id: `name-${id}`,
  threat: 'exfiltration',
  tries,
  by: courier(['http://evil.test/'], { zone: { 'evil.test': zone } }),
  expect: callRefused('ERR_HTTP_ADDRESS'),
});

const redirect = (
  id: string,
  tries: string,
  location: string,
  code: Parameters<typeof callRefused>[0],
): Attack => ({
  id: `redirect-${id}`,
  threat: 'exfiltration',
  tries: `be redirected to ${tries}`,
  by: courier([`http://bound.test/to/302/${encodeURIComponent(location)}`], { scope: { ports: [80] } }),
  expect: callRefused(code, { dialled: [AT_BOUND] }),
});

/** A place that only resembles the granted one. */
const resembling = (id: string, url: string): Attack => ({
  id: `resembling-${id}`,
  threat: 'exfiltration',
  tries: `pass off ${url} as http://api.bound.test:8080/v1`,
  by: courier([url], {
    scope: { schemes: ['http'], hosts: ['api.bound.test', '*.wild.test'], ports: [8080], path_prefix: '/v1' },
  }),
  expect: callRefused('ERR_GRANT_MISSING'),
});

export const EXFILTRATION_ATTACKS: readonly Attack[] = [
  literal('loopback', 'this machine', '127.0.0.1'),
  literal('decimal', 'this machine', '2130706433'),
  literal('hex', 'this machine', '0x7f000001'),
  literal('octal', 'this machine', '0177.0.0.1'),
  literal('short', 'this machine', '127.1'),
  literal('zero', 'this machine', '0'),
  literal('wide-digits', 'this machine', '１２７.０.０.１'),
  literal('trailing-dot', 'this machine', '127.0.0.1.'),
  literal('v6', 'this machine', '[::1]'),
  literal('mapped', 'this machine', '[::ffff:7f00:1]'),
  literal('nat64', 'this machine', '[64:ff9b::7f00:1]'),
  literal('6to4', 'this machine', '[2002:7f00:1::]'),
  literal('metadata', 'the metadata service', '169.254.169.254'),
  literal('private', 'the network behind', '10.0.0.1'),
  literal('cgnat', 'the provider', '100.64.0.1'),
  literal('unique-local', 'the network behind', '[fd00::1]'),
  name('private', 'have a name of its own point to the network behind', [['10.0.0.1']]),
  name('mixed', 'hide a private address among public ones', [[PUBLIC, '192.168.0.1']]),
  name('localhost', 'have a name point to this machine', [['127.0.0.1']]),
  {
    id: 'name-rebinding',
    threat: 'exfiltration',
    tries: 'have a name resolve to a public address when it is checked and to this machine afterwards',
    by: courier(['http://evil.test/ok', 'http://evil.test/ok'], {
      zone: { 'evil.test': [[PUBLIC], ['127.0.0.1']] },
    }),
    expect: callRefused('ERR_HTTP_ADDRESS', { dialled: [AT_BOUND] }),
  },
  redirect('inside', 'this machine', 'http://127.0.0.1/', 'ERR_HTTP_ADDRESS'),
  redirect('private-name', 'a name of the network behind', 'http://private.test/', 'ERR_HTTP_ADDRESS'),
  redirect('decimal', 'this machine in decimal', '//2130706433/', 'ERR_HTTP_ADDRESS'),
  redirect('other-port', 'another port', 'http://bound.test:22/', 'ERR_GRANT_MISSING'),
  redirect('file', 'a file', 'file:///etc/passwd', 'ERR_HTTP_REDIRECTS'),
  redirect('credentials', 'a URL with credentials', 'http://u:p@bound.test/', 'ERR_HTTP_REDIRECTS'),
  {
    id: 'redirect-for-ever',
    threat: 'exfiltration',
    tries: 'be redirected in a circle',
    by: courier([circle()]),
    expect: callRefused('ERR_HTTP_REDIRECTS', { dialled: [AT_BOUND] }),
  },
  resembling('suffix', 'http://api.bound.test.evil.test:8080/v1'),
  resembling('prefix', 'http://evil-api.bound.test:8080/v1'),
  resembling('port', 'http://api.bound.test:8081/v1'),
  resembling('scheme', 'https://api.bound.test:8080/v1'),
  resembling('path', 'http://api.bound.test:8080/v10'),
  resembling('dots', 'http://api.bound.test:8080/v1/%2e%2e%2fv2'),
  resembling('backslash', 'http://api.bound.test:8080\\@evil.test/v1'),
  resembling('two-labels', 'http://a.b.wild.test:8080/v1'),
  resembling('bare-wildcard', 'http://wild.test:8080/v1'),
  {
    id: 'userinfo',
    threat: 'exfiltration',
    tries: 'hide the real host behind one that looks granted',
    by: courier(['http://bound.test@evil.test/']),
    expect: callRefused('ERR_HOST_CALL_INVALID'),
  },
  {
    id: 'method',
    threat: 'exfiltration',
    tries: 'send with a method that was not granted',
    by: courier([{ method: 'POST', url: 'http://bound.test/', body: 'loot' }], {
      scope: { methods: ['GET'] },
    }),
    expect: callRefused('ERR_GRANT_MISSING'),
  },
  {
    id: 'no-grant',
    threat: 'exfiltration',
    tries: 'call out without any grant',
    by: courier(['http://bound.test/'], { requests: [httpGrant()], grants: [] }),
    expect: refused('ERR_GRANT_MISSING'),
  },
  {
    id: 'too-many-to-one-host',
    threat: 'exfiltration',
    tries: 'drip data out by more requests than granted',
    by: courier(['http://bound.test/ok', 'http://bound.test/ok', 'http://bound.test/ok'], {
      scope: { requests: 2 },
    }),
    expect: callRefused('ERR_GRANT_REQUESTS', { dialled: [AT_BOUND] }),
  },
  {
    id: 'too-much-to-one-host',
    threat: 'exfiltration',
    tries: 'send more bytes than granted',
    by: courier([{ method: 'POST', url: 'http://bound.test/ok', body: 'x'.repeat(2000) }], {
      scope: { bytes: 1000 },
    }),
    expect: callRefused('ERR_GRANT_BYTES'),
  },
  {
    id: 'too-fast',
    threat: 'exfiltration',
    tries: 'send faster than granted',
    by: courier(
      Array.from({ length: 15 }, () => 'http://bound.test/ok'),
      { scope: { per_second: 1 } },
    ),
    expect: callRefused('ERR_GRANT_RATE', { dialled: [AT_BOUND] }),
  },
  {
    id: 'socket-of-another',
    threat: 'exfiltration',
    tries: 'ride the connection that a handler with more rights left open',
    by: courier(['http://shared.test/ok'], {
      scope: { hosts: ['shared.test'] },
      zone: { 'shared.test': [['10.0.0.1']] },
    }),
    expect: callRefused('ERR_HTTP_ADDRESS'),
  },
  {
    id: 'granted-control',
    threat: 'exfiltration',
    tries: 'nothing: it is granted, and has to work',
    by: courier(['http://bound.test/ok', 'http://other.test/ok']),
    expect: harmless([200, 200], [AT_BOUND, `${PUBLIC_2} 80`]),
  },
];

/** A redirect to a redirect to … and so on, one more than is followed. */
function circle(): string {
  let url = 'http://bound.test/ok';
  for (let hops = 0; hops < 6; hops += 1) url = `http://bound.test/to/302/${encodeURIComponent(url)}`;
  return url;
}
