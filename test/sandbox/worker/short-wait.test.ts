import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShortWait } from '../../../src/sandbox/worker/short-wait.ts';

describe('a lane that waits for a reply awake', () => {
  const posted = new Int32Array(new SharedArrayBuffer(4));
  let channel: MessageChannel;
  beforeEach(() => {
    channel = new MessageChannel();
  });
  afterEach(() => channel.port1.close());
  const waiting = (cores = 2) => new ShortWait(channel.port2, posted, cores);
  const post = () => channel.port1.postMessage(new ArrayBuffer(8));

  it('takes the posts that are there, in order', () => {
    const wait = waiting();
    post();
    channel.port1.postMessage({ type: 'close' });
    expect(wait.next()).toBeInstanceOf(ArrayBuffer);
    expect(wait.next()).toEqual({ type: 'close' });
  });

  it('sleeps for the next 64 calls after a wait in vain', () => {
    const wait = waiting();
    expect(wait.next()).toBeNull();
    post();
    for (let call = 0; call < 64; call += 1) expect(wait.next()).toBeNull();
    expect(wait.next()).toBeInstanceOf(ArrayBuffer);
  });

  it('leaves the event loop a turn after 32 waits in a row', () => {
    const wait = waiting();
    for (let call = 0; call < 33; call += 1) post();
    for (let call = 0; call < 32; call += 1) expect(wait.next()).toBeInstanceOf(ArrayBuffer);
    expect(wait.next()).toBeNull();
    wait.rested();
    expect(wait.next()).toBeInstanceOf(ArrayBuffer);
  });

  it('always sleeps where there is one core', () => {
    const wait = waiting(1);
    post();
    for (let call = 0; call < 100; call += 1) expect(wait.next()).toBeNull();
  });
});
