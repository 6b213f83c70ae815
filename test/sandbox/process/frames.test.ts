import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzFrames } from '../../../scripts/fuzz/frames.ts';
import { packClock, unpackClock } from '../../../src/sandbox/process/clock-frame.ts';
import { FRAME, FrameReader, frameHeader } from '../../../src/sandbox/process/frames.ts';
import { CLOCK_BYTES, CLOCK_RUNNING, clockOf } from '../../../src/sandbox/protocol.ts';

const KINDS = Object.values(FRAME);
const bytesOf = (kind: (typeof KINDS)[number], body: Uint8Array) =>
  Buffer.concat([frameHeader(kind, body.byteLength), body]);

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    const frame = fc.record({ kind: fc.constantFrom(...KINDS), body: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(50)), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(({ kind, body }) => bytesOf(kind, body)));
        const reader = new FrameReader(KINDS, 300);
        const read = [];
        let at = 0;
        for (const cut of [...cuts, stream.byteLength]) {
          read.push(...reader.read(stream.subarray(at, at + cut)));
          at += cut;
        }
        expect(read.map(({ kind, body }) => ({ kind, body: new Uint8Array(body) }))).toEqual(frames);
      }),
    );
  });

  it.each([
    ['longer than allowed', bytesOf(FRAME.batch, new Uint8Array(11))],
    ['of a kind that nobody knows', Buffer.from([1, 0, 0, 0, 99])],
    ['of a kind that may not come this way', bytesOf(FRAME.module, new Uint8Array(1))],
  ])('%s are refused before their body is read', (_, bytes) => {
    const reader = new FrameReader([FRAME.batch, FRAME.clock], 10);
    expect(() => reader.read(bytes.subarray(0, 5))).toThrow(RangeError);
  });
});

describe('a reported clock', () => {
  it('tells how long ago, and nothing of slots that do not run', () => {
    const clock = new Float64Array(CLOCK_BYTES / 8);
    clock[CLOCK_RUNNING] = 7;
    clock[clockOf(7)] = 1000;
    clock[clockOf(7) + 1] = 2;
    const told = new Float64Array(CLOCK_BYTES / 8).fill(5);
    expect(unpackClock(packClock(clock, 1400).buffer, told, 90_400)).toBe(true);
    expect([told[CLOCK_RUNNING], told[clockOf(7)], told[clockOf(7) + 1], told[clockOf(8)]]).toEqual([
      7, 90_000, 2, 0,
    ]);
  });

  it('is no lie where the clock of the thread is a little ahead', () => {
    const clock = new Float64Array(CLOCK_BYTES / 8);
    clock[clockOf(7)] = 1400.001;
    const told = new Float64Array(CLOCK_BYTES / 8);
    expect(unpackClock(packClock(clock, 1400).buffer, told, 90_000)).toBe(true);
    expect(told[clockOf(7)]).toBe(90_000);
  });

  it.each([
    ['a slot that does not exist', [-1, 4096, 1, 0]],
    ['a fraction of a slot', [0.5]],
    ['a time to come', [0, 0, -1, 0]],
    ['no number', [0, 0, Number.NaN, 0]],
    ['half an entry', [0, 0]],
  ])('with %s is refused', (_, values) => {
    expect(unpackClock(new Float64Array(values).buffer, new Float64Array(CLOCK_BYTES / 8), 1)).toBe(false);
  });
});

describe('a hostile process', () => {
  it('gets nothing from the broker by what it sends, and the broker goes on', async () => {
    expect(await fuzzFrames({ count: 3_000, seed: 1 })).toMatchObject({ frames: 3_000, granted: 0 });
  });
});
