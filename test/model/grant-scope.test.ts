import { describe, expect, it } from 'vitest';
import { hostCovers, networkCovers, pathCovers } from '../../src/model/grant-scope.ts';

describe('hostCovers', () => {
  it.each([
    ['*', 'anything.at.all', true],
    ['a.com', 'a.com', true],
    ['a.com', 'a.com.', false],
    ['a.com', 'xa.com', false],
    ['*.a.com', 'b.a.com', true],
    ['*.a.com', 'a.com', false],
    ['*.a.com', '.a.com', false],
    ['*.a.com', 'c.b.a.com', false],
    ['*.a.com', 'b.a.com.evil.com', false],
    ['*.0.0.1', '127.0.0.1', false],
    ['[::1]', '[::1]', true],
  ])('%s and %s: %s', (pattern, host, covered) => {
    expect(hostCovers(pattern, host)).toBe(covered);
  });
});

describe('pathCovers', () => {
  it.each([
    ['/', '/anything', true],
    ['/', '/a/..%2fb', true],
    ['/api', '/api', true],
    ['/api', '/api/x', true],
    ['/api', '/apix', false],
    ['/api/', '/api', false],
    ['/api/', '/api/x', true],
    ['/api', '/api/%2e%2e/x', false],
    ['/api', '/api/..%2Fx', false],
    ['/api', '/api/..%5cx', false],
    ['/api', '/api/%252e%252e%252fx', false],
    ['/api', '/api/..;v=1/x', false],
    ['/api', '/api/group%2Fproject', true],
    ['/api', '/api/..hidden', true],
  ])('%s and %s: %s', (prefix, path, covered) => {
    expect(pathCovers(prefix, path)).toBe(covered);
  });

  it('a path that needs more rounds of decoding than any server makes is not covered', () => {
    expect(pathCovers('/api', `/api/%${'25'.repeat(20)}2e`)).toBe(false);
  });
});

describe('networkCovers', () => {
  it.each([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['10.0.0.0/8', '10.0.0.0/16', true],
    ['10.0.0.0/16', '10.0.0.0/8', false],
    ['fd00::/8', 'fd12::1', true],
    ['::/0', '10.0.0.1', false],
    ['nonsense', '10.0.0.1', false],
    ['10.0.0.0/8', 'nonsense', false],
  ])('%s and %s: %s', (network, inner, covered) => {
    expect(networkCovers(network, inner)).toBe(covered);
  });
});
