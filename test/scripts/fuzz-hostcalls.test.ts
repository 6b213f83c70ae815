import { describe, expect, it } from 'vitest';
import { fuzzHostCalls } from '../../scripts/fuzz/hostcalls/fuzz.ts';

describe('a short fuzz of the host calls', () => {
  it('ends every invocation as the documents say, and shows nobody a neighbour', {
    timeout: 60_000,
  }, async () => {
    const { calls, ends, requests } = await fuzzHostCalls({ count: 10_000, seed: 2 });
    expect(calls).toBeGreaterThanOrEqual(10_000);
    expect(Object.keys(ends)).toEqual(expect.arrayContaining(['completed', 'ERR_GUEST_POINTER']));
    expect(requests).toBeGreaterThan(0);
  });
});
