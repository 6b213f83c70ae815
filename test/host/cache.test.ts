import { describe, expect, it } from 'vitest';
import { createHandlerCache } from '../../src/host/cache/handler-cache.ts';

const OWNER = { namespace: 'wasm', digest: 'sha256:a' };
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe('the cache of handlers', () => {
  it('keeps a value until its time is over', () => {
    let nowMs = 1000;
    const cache = createHandlerCache({ maxBytes: 10_000, maxHandlers: 4, now: () => nowMs });
    expect(cache.put(OWNER, 'k', bytes('v'), 500)).toBe(true);
    nowMs = 1499;
    expect(cache.get(OWNER, 'k')).toEqual(bytes('v'));
    nowMs = 1501;
    expect(cache.get(OWNER, 'k')).toBeNull();
  });

  it('shows nothing to another handler, another version or another namespace', () => {
    const cache = createHandlerCache({ maxBytes: 10_000, maxHandlers: 4 });
    cache.put(OWNER, 'k', bytes('v'), 60_000);
    expect(cache.get({ ...OWNER, digest: 'sha256:b' }, 'k')).toBeNull();
    expect(cache.get({ ...OWNER, namespace: 'other' }, 'k')).toBeNull();
  });

  it('drops the least recently used where room is short, and refuses what has none', () => {
    const cache = createHandlerCache({ maxBytes: 2000, maxHandlers: 4 });
    const value = bytes('x'.repeat(700));
    for (const key of ['a', 'b']) cache.put(OWNER, key, value, 60_000);
    cache.get(OWNER, 'a');
    cache.put(OWNER, 'c', value, 60_000);
    expect(['a', 'b', 'c'].map((key) => cache.get(OWNER, key) !== null)).toEqual([true, false, true]);
    expect(cache.put(OWNER, 'd', bytes('x'.repeat(2000)), 60_000)).toBe(false);
  });

  it('is not taken up by one handler: each has its own room, and the handlers are counted', () => {
    const cache = createHandlerCache({ maxBytes: 2000, maxHandlers: 2 });
    cache.put(OWNER, 'k', bytes('v'), 60_000);
    const greedy = { ...OWNER, digest: 'sha256:greedy' };
    for (let index = 0; index < 1000; index += 1)
      cache.put(greedy, `k${index}`, bytes('x'.repeat(500)), 60_000);
    expect(cache.get(OWNER, 'k')).toEqual(bytes('v'));
    cache.put({ ...OWNER, digest: 'sha256:third' }, 'k', bytes('v'), 60_000);
    expect(cache.get(greedy, 'k999')).toBeNull();
  });
});
