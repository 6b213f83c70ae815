import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type PackedFromLane,
  type PackedToLane,
  packFromLane,
  packToLane,
  unpackFromLane,
  unpackToLane,
} from '../../src/sandbox/batch.ts';

const u32 = fc.nat({ max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: 'binary' });
const millis = fc.double({ min: 0, max: 1e13, noNaN: true });

const toLane: fc.Arbitrary<PackedToLane> = fc.oneof(
  fc.record({
    type: fc.constant('invoke' as const),
    slot: u32,
    moduleId: u32,
    limitsId: u32,
    input: bytes,
    config: bytes,
    step: bytes,
    timeMs: fc.option(millis),
    seed: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 })),
    logLevel: fc.option(fc.nat({ max: 3 })),
    mayWait: fc.boolean(),
  }),
  fc.record({
    sentAtMs: fc.double({ noNaN: true }),
    type: fc.constant('reply' as const),
    slot: u32,
    status: u32,
    timeMs: fc.option(millis),
    payload: bytes,
  }),
  fc.record({ type: fc.constant('cancel' as const), slot: u32 }),
);

const end = fc.oneof(
  fc.record({ kind: fc.constant('returned' as const), output: bytes }),
  fc.record({ kind: fc.constantFrom('checkpoint' as const, 'wait' as const), request: bytes }),
  fc.record({
    kind: fc.constant('failed' as const),
    code: text,
    message: text.map((value) => value.toWellFormed()),
    retryable: fc.boolean(),
  }),
);
const fromLane = fc.oneof(
  fc.constant({ type: 'ready' as const }),
  fc.record({ type: fc.constant('skipped' as const), slot: u32 }),
  fc.record({ type: fc.constant('call' as const), slot: u32, wireNumber: u32, payload: bytes }),
  fc.record({
    type: fc.constant('result' as const),
    slot: u32,
    result: end,
    fuel: fc.maxSafeNat(),
    fuelExact: fc.boolean(),
    peakMemoryBytes: fc.maxSafeNat(),
    logs: fc.array(
      fc.record({
        level: fc.constantFrom('info' as const, 'error' as const),
        message: text.map((value) => value.toWellFormed()),
      }),
      { maxLength: 3 },
    ),
    wallMs: millis,
    digests: fc.option(fc.record({ input: bytes, output: bytes })),
  }),
) as fc.Arbitrary<PackedFromLane>;

describe('a batch of messages', () => {
  it('arrives as it was sent, in both directions', () => {
    fc.assert(
      fc.property(fc.array(toLane), fc.array(fromLane), (there, back) => {
        expect(unpackToLane(packToLane(there))).toEqual(there);
        expect(unpackFromLane(packFromLane(back))).toEqual(back);
      }),
    );
  });

  it('is refused when it ends too early or says what it cannot', () => {
    const whole = packFromLane([{ type: 'call', slot: 1, wireNumber: 1, payload: new Uint8Array(9) }]);
    for (let length = 1; length < whole.byteLength; length += 1) {
      expect(() => unpackFromLane(whole.slice(0, length))).toThrow(RangeError);
    }
    expect(() => unpackFromLane(packToLane([{ type: 'cancel', slot: 1 }]))).toThrow(TypeError);
    expect(() => unpackToLane(whole)).toThrow(TypeError);
  });
});
