import { PUBLIC, type Row, rows } from '../row.ts';

/* Addresses that stand in the URL itself. Every host is granted: only the check of addresses is in the way. */

const refused = (hosts: readonly string[]) =>
  hosts.map((host) => [`http://${host}/ok`, 'ERR_HTTP_ADDRESS'] as const);
const reached = (hosts: readonly (readonly [spelling: string, address: string])[]) =>
  hosts.map(([host, address]) => [`http://${host}/ok`, 'ok', [`${address} 80`]] as const);
const malformed = (hosts: readonly string[]) =>
  hosts.map((host) => [`http://${host}/ok`, 'ERR_HOST_CALL_INVALID'] as const);

const IPV4 = [
  // loopback, in every spelling that a URL parser takes
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '0x7f.1', '0x7f000001', '0X7F000001'],
  ...['0177.0.0.1', '0177.0.0.01', '017700000001', '2130706433', '0x7f.0.0x0.1', '127.0x0.1', '127.0.0.0x'],
  // this host
  ...['0', '0.0.0.0', '0x0', '0.0.0.1'],
  // private
  ...[
    '10.0.0.1',
    '10.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '0xc0a80101',
    '3232235777',
    '192.168.257',
  ],
  // link-local and metadata
  ...[
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '0xa9.0xfe.0xa9.0xfe',
    '169.254.43518',
  ],
  // shared, protocol assignments, documentation, benchmarks, relays, multicast, reserved, broadcast
  ...[
    '100.64.0.1',
    '100.127.255.254',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
  ],
  ...['203.0.113.1', '192.88.99.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
];

const IPV4_PUBLIC = [
  [PUBLIC, PUBLIC],
  ['0x5db8d70e', PUBLIC],
  ['0135.0270.0327.016', PUBLIC],
  ['93.184.55054', PUBLIC],
  // the neighbours of what is refused
  ...['9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1', '126.255.255.255', '128.0.0.1'].map(same),
  ...['169.253.255.255', '169.255.0.1', '172.15.255.255', '172.32.0.1', '192.167.255.255', '192.169.0.1'].map(
    same,
  ),
  ...['198.17.255.255', '198.20.0.1', '223.255.255.255'].map(same),
] as const;

const IPV6 = [
  ...['[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[0000:0000::0001]', '[0::1]', '[::0.0.0.1]'],
  ...['[fe80::1]', '[febf::1]', '[fec0::1]', '[fc00::1]', '[fd12:3456:789a::1]', '[ff02::1]', '[ff0e::1]'],
  ...[
    '[2001:db8::1]',
    '[2001::1]',
    '[2001:2::1]',
    '[2001:10::1]',
    '[100::1]',
    '[3fff::1]',
    '[5f00::1]',
    '[4000::1]',
  ],
];

const IPV6_PUBLIC = [
  ['[2606:2800:21f:cb07:6820:80da:af6b:8b2c]', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  ['[2606:4700:0000:0000:0000:0000:0000:1111]', '2606:4700::1111'],
  ['[2A00:1450:4001:0:0:0:0:200E]', '2a00:1450:4001::200e'],
  ['[2400:cb00:2048:1::c629:d7a2]', '2400:cb00:2048:1::c629:d7a2'],
] as const;

const CARRIED = [
  // IPv4-mapped
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::FFFF:127.0.0.1]', '[0:0:0:0:0:ffff:127.0.0.1]'],
  ...['[::ffff:10.0.0.1]', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[::ffff:0.0.0.0]'],
  // IPv4-compatible, IPv4-translated
  ...['[::127.0.0.1]', '[::7f00:1]', '[::8.8.8.8]', '[::ffff:0:127.0.0.1]'],
  // NAT64, 6to4: whatever they carry
  ...['[64:ff9b::127.0.0.1]', '[64:ff9b::a9fe:a9fe]', '[64:ff9b::8.8.8.8]', '[64:ff9b:1::1]'],
  ...['[2002:7f00:1::]', '[2002:a9fe:a9fe::]', '[2002:808:808::]'],
];

const mappedTo = (address: string) => ({ 'mapped.test': [[address]] });

export const ADDRESSES: readonly Row[] = [
  ...rows('IPv4 literals', refused(IPV4)),
  ...rows('IPv4 literals', reached(IPV4_PUBLIC)),
  ...rows('IPv4 literals', malformed(['256.1.1.1', '1.2.3.4.5', '0x100000000', '4294967296'])),
  ...rows('IPv6 literals', refused(IPV6)),
  ...rows('IPv6 literals', reached(IPV6_PUBLIC)),
  ...rows('IPv6 literals', malformed(['[fe80::1%25lo]', '[::1%lo]', '[::1', '[1:2:3:4:5:6:7:8:9]', '::1'])),
  ...rows('mapped and NAT64', refused(CARRIED)),
  ...rows('mapped and NAT64', reached([['[::ffff:93.184.215.14]', '::ffff:5db8:d70e']])),
  ...rows('mapped and NAT64', reached([['[::ffff:10.0.0.1]', '::ffff:a00:1']]), {
    grant: { private_networks: ['10.0.0.0/8'] },
  }),
  ...rows('mapped and NAT64', reached([['[64:ff9b::808:808]', '64:ff9b::808:808']]), {
    grant: { private_networks: ['64:ff9b::/96'] },
  }),
  ...rows('mapped and NAT64', refused(['[64:ff9b::10.0.0.1]']), {
    grant: { private_networks: ['10.0.0.0/8'] },
  }),
  ...rows('mapped and NAT64', refused(['mapped.test']), { zone: mappedTo('::ffff:127.0.0.1') }),
  ...rows('mapped and NAT64', refused(['mapped.test']), { zone: mappedTo('::ffff:a9fe:a9fe') }),
  ...rows('mapped and NAT64', refused(['mapped.test']), { zone: mappedTo('64:ff9b::a00:1') }),
  ...rows('mapped and NAT64', reached([['mapped.test', '::ffff:93.184.215.14']]), {
    zone: mappedTo('::ffff:93.184.215.14'),
  }),
];

function same(address: string): readonly [string, string] {
  return [address, address];
}
