import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePrepared } from '../../../src/catalog/admission/encode-prepared.ts';
import { encodeFrame, FrameReader } from '../../../src/catalog/admission/frames.ts';
import { prepareModule } from '../../../src/catalog/admission/prepare.ts';
import { readReply } from '../../../src/catalog/admission/reply.ts';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import { ECHO } from '../../guests/wat.ts';

describe('frames', () => {
  it('arrive whole, however the stream cuts them', () => {
    const frame = fc.record({ head: fc.jsonValue(), parts: fc.array(fc.uint8Array({ maxLength: 50 })) });
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat({ max: 40 })), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(({ head, parts }) => encodeFrame(head, parts)));
        const reader = new FrameReader(100_000);
        const arrived = [];
        for (let at = 0, cut = 0; at < stream.length; cut += 1) {
          const end = at + (cuts[cut] ?? 1_000_000) + 1;
          arrived.push(...reader.read(stream.subarray(at, end)));
          at = end;
        }
        expect(JSON.stringify(arrived.map(({ head }) => head))).toBe(
          JSON.stringify(frames.map(({ head }) => head)),
        );
        expect(arrived.map(({ parts }) => parts)).toEqual(frames.map(({ parts }) => parts));
      }),
    );
  });

  it('are refused when they are larger than the bound, or a sequence reaches beyond', () => {
    expect(() => [...new FrameReader(20).read(encodeFrame('x'.repeat(50), []))]).toThrow(RangeError);
    const broken = encodeFrame('x', [new Uint8Array(4)]);
    new DataView(broken.buffer).setUint32(4, 1000, true);
    expect(() => [...new FrameReader(2000).read(broken)]).toThrow(RangeError);
  });
});

const core = (name: string) => ({ name, memoryMinPages: 1, memoryMaxPages: 2, startExport: null });

describe('a reply of the admission child', () => {
  const prepared = prepareModule(ECHO, DEFAULT_LIMITS);
  const { facts, metered, image, offsets } = prepared;
  const bytesOf = (numbers: Uint32Array<ArrayBuffer>) => new Uint8Array(numbers.buffer);
  const code = [metered, bytesOf(offsets.metered), bytesOf(offsets.original)];
  const component = { glue: '', cores: [core('one'), core('two')], interfaces: ['log'] };

  it('is the prepared module', () => {
    expect(image).not.toBeNull();
    const both = { ...prepared, component: { facts: component, others: [metered] } };
    for (const reply of [prepared, both, { ...both, image: null }]) {
      expect([...new FrameReader(1e6).read(encodePrepared(reply))].map(readReply)).toEqual([reply]);
    }
  });

  it.each([
    [
      'facts of the wrong kind',
      { facts: { ...facts, memoryMaxPages: 1e9 }, image: null, component: null },
      3,
    ],
    ['no module', { facts, image: null, component: null }, 0],
    ['no offsets', { facts, image: null, component: null }, 2],
    ['an image without its bytes', { facts, image: image?.facts, component: null }, 3],
    ['a component without one of its cores', { facts, image: null, component }, 3],
    ['more modules than it says', { facts, image: null, component: null }, 4],
    ['a fault', { fault: 'out of luck' }, 0],
    ['something else', ['facts'], 3],
  ])('is lost when it holds %s', (_what, head, parts) => {
    const frame = { head, parts: [...code, metered].slice(0, parts) };
    expect(() => readReply(frame)).toThrow(expect.objectContaining({ code: 'ERR_ADMISSION_LOST' }));
  });

  it('is refused with the code that the child found', () => {
    const refused = { code: 'ERR_MODULE_MALFORMED', message: 'expected, got', details: { offset: 1 } };
    expect(() => readReply({ head: { refused }, parts: [] })).toThrow(expect.objectContaining(refused));
  });
});
