import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShortWait } from '../../../src/sandbox/worker/short-wait.ts';

describe('a lane that waits for a post awake', () => {
  const posted = new Int32Array(new SharedArrayBuffer(4));
  let channel: MessageChannel;
  beforeEach(() => {
    channel = new MessageChannel();
  });
  afterEach(() => channel.port1.close());
  const waiting = (waits = true) => new ShortWait(channel.port2, posted, waits);
  const post = () => channel.port1.postMessage(new ArrayBuffer(8));

  it('takes the posts that are there, in order', () => {
    const wait = waiting();
    post();
    channel.port1.postMessage({ type: 'close' });
    expect(wait.next()).toBeInstanceOf(ArrayBuffer);
    expect(wait.next()).toEqual({ type: 'close' });
  });

  /** Calls that sleep although a post is there; takes that post. */
  function sleeps(wait: ShortWait): number {
    post();
    let calls = 0;
    while (wait.next() === null) calls += 1;
    return calls;
  }

  it.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [7, 64],
    [8, 64],
  ])('after %i waits in vain sleeps for the next %i calls', (waits, expected) => {
    const wait = waiting();
    let skipped = 0;
    for (let times = 0; times < waits; times += 1) {
      for (let call = 0; call < skipped; call += 1) expect(wait.next()).toBeNull();
      expect(wait.next()).toBeNull();
      skipped = Math.min(64, 2 ** times);
    }
    expect(sleeps(wait)).toBe(expected);
  });

  it('waits awake again after a post that came at once', () => {
    const wait = waiting();
    for (let call = 0; call < 4; call += 1) expect(wait.next()).toBeNull();
    sleeps(wait);
    expect(wait.next()).toBeNull();
    expect(sleeps(wait)).toBe(1);
  });

  it('leaves the event loop a turn after 32 waits in a row', async () => {
    const wait = waiting();
    for (let call = 0; call < 33; call += 1) post();
    for (let call = 0; call < 32; call += 1) expect(wait.next()).toBeInstanceOf(ArrayBuffer);
    expect(wait.next()).toBeNull();
    await new Promise((resolve) => setImmediate(resolve));
    expect(wait.next()).toBeInstanceOf(ArrayBuffer);
  });

  it('always sleeps where there is no core for it', () => {
    const wait = waiting(false);
    post();
    for (let call = 0; call < 100; call += 1) expect(wait.next()).toBeNull();
  });
});
