import { describe, expect, it } from 'vitest';
import { isDialable, networkOf, sameAddress } from '../../../src/host/egress/address.ts';

const SPECIAL = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::8.8.8.8',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:a9fe:a9fe',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:2::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
];
const PUBLIC = ['1.1.1.1', '8.8.8.8', '172.32.0.1', '::ffff:8.8.8.8', '2606:4700::1111', '2a00:1450::1'];

describe('isDialable', () => {
  it.each(SPECIAL)('%s is refused', (address) => {
    expect(isDialable(address, [])).toBe(false);
  });

  it.each(PUBLIC)('%s is allowed', (address) => {
    expect(isDialable(address, [])).toBe(true);
  });

  it.each(['', 'localhost', '127.1', '0x7f000001', '1.2.3.4.5', '[::1]', '2606:4700::1111%eth0'])(
    'what is not an address in canonical form is refused: %j',
    (text) => {
      expect(isDialable(text, ['0.0.0.0/0', '::/0'])).toBe(false);
    },
  );

  it('a granted network opens what lies in it and nothing else', () => {
    expect(isDialable('10.1.2.3', ['10.1.0.0/16'])).toBe(true);
    expect(isDialable('::ffff:10.1.2.3', ['10.1.0.0/16'])).toBe(true);
    expect(isDialable('10.2.2.3', ['10.1.0.0/16'])).toBe(false);
    expect(isDialable('64:ff9b::a01:203', ['10.1.0.0/16'])).toBe(false);
    expect(isDialable('fd12::1', ['10.0.0.0/8', 'fd12::/16'])).toBe(true);
  });

  it('the network of an address contains just it', () => {
    for (const address of SPECIAL.filter((text) => !text.includes('%'))) {
      expect(isDialable(address, [networkOf(address) ?? ''])).toBe(true);
    }
    expect(networkOf('::ffff:10.0.0.1')).toBe('10.0.0.1/32');
    expect(sameAddress('::ffff:10.0.0.1', '10.0.0.1')).toBe(true);
    expect(sameAddress('10.0.0.2', '10.0.0.1')).toBe(false);
  });
});
