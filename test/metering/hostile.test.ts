import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeModule, METERING_ERROR_CODES, MeteringError, meter } from '../../src/metering/index.ts';
import { binary, leb, oneFunction, oneTyped, section } from './support/binary.ts';
import { assemblyScript } from './support/compile.ts';
import { PROGRAMS } from './support/programs.ts';

const corpus = [
  ...PROGRAMS.map((program) => program.bytes),
  await assemblyScript('export function f(a: string): i32 { return a.split(",").length }', '--use', 'abort='),
];

/** Metered bytes, or undefined for a refusal. Whatever else happens fails the test. */
function attempt(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  try {
    describeModule(bytes);
    return meter(bytes).bytes;
  } catch (error) {
    if (!(error instanceof MeteringError)) throw error;
    expect(METERING_ERROR_CODES).toHaveProperty([error.code]);
    return undefined;
  }
}

describe('malformed modules', () => {
  it('cut off anywhere are refused, or are modules', () => {
    for (const bytes of corpus) {
      const step = Math.max(1, Math.floor(bytes.length / 400));
      for (let length = 0; length < bytes.length; length += step) {
        const cut = bytes.slice(0, length);
        const output = attempt(cut);
        if (output && WebAssembly.validate(cut)) expect(WebAssembly.validate(output)).toBe(true);
        if (output && !WebAssembly.validate(cut)) expect(WebAssembly.validate(output)).toBe(false);
      }
    }
  });

  it('with changed bytes are refused, or metered into what is as valid as they were', () => {
    const mutation = fc.record({
      module: fc.nat(corpus.length - 1),
      changes: fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(mutation, ({ module, changes }) => {
        const bytes = (corpus[module] ?? new Uint8Array()).slice();
        for (const { at, value } of changes) bytes[at % bytes.length] = value;
        const output = attempt(bytes);
        if (output) expect(WebAssembly.validate(output)).toBe(WebAssembly.validate(bytes));
      }),
      { numRuns: 4000 },
    );
  });

  it('of random bytes behind a header are refused or as valid as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (rest) => {
        const bytes = binary([...rest]);
        const output = attempt(bytes);
        if (output) expect(WebAssembly.validate(output)).toBe(WebAssembly.validate(bytes));
      }),
      { numRuns: 2000 },
    );
  });
});

const many = (count: number, ...bytes: number[]): number[] =>
  Array.from({ length: count }, () => bytes).flat();

/** Absurd modules, small and large, and what they are refused for. `undefined`: accepted. */
const ABSURD: Record<string, [bytes: Uint8Array, code: string | undefined]> = {
  'a million locals in four bytes': [oneFunction([0x0b], [1, ...leb(1_000_000), 0x7f]), 'limit-locals'],
  'four billion locals': [oneFunction([0x0b], [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f]), 'limit-locals'],
  'locals that add up over 2³²': [
    oneFunction([0x0b], [2, ...many(2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f)]),
    'limit-locals',
  ],
  'a hundred thousand nested blocks': [
    oneFunction([...many(80_000, 0x02, 0x40), ...many(80_001, 0x0b)]),
    'limit-nesting',
  ],
  'a br_table that claims four billion targets': [
    oneFunction([0x41, 0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0x0b]),
    'malformed-truncated',
  ],
  'a br_table of 200,000 targets': [
    oneFunction([0x41, 0, 0x0e, ...leb(200_000), ...many(200_001, 0), 0x0b]),
    'limit-branch-targets',
  ],
  'a hundred thousand operands': [oneFunction([...many(100_000, 0x41, 0), 0x00, 0x0b]), 'limit-operands'],
  'four billion types': [binary([1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'malformed-truncated'],
  'a section longer than the module': [binary([1, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'malformed-truncated'],
  'ten million table elements': [
    binary(section(4, 1, 0x70, 0, ...leb(10_000_000))),
    'limit-table-min-elements',
  ],
  'a memory of 4 GiB': [binary(section(5, 1, 0, ...leb(65_536))), 'limit-memory-min-pages'],
  'a function of 300 KB': [oneFunction([...many(300_000, 0x01), 0x0b]), 'limit-function-body-bytes'],
  'blocks that each leave a thousand operands': [
    oneTyped([], many(1000, 0x7f), [...many(40_000, 0x02, 0, 0x00, 0x0b, 0x00), 0x0b]),
    undefined,
  ],
  'a hundred thousand one-instruction loops': [
    oneFunction([...many(80_000, 0x03, 0x40, 0x0b), 0x0b]),
    undefined,
  ],
};

describe('absurd modules', () => {
  for (const [name, [bytes, code]] of Object.entries(ABSURD)) {
    it(`are judged within a second: ${name}`, () => {
      const started = process.cpuUsage();
      let refused: string | undefined;
      try {
        meter(bytes);
      } catch (error) {
        refused = error instanceof MeteringError ? error.code : String(error);
      }
      const { user, system } = process.cpuUsage(started);
      expect(refused).toBe(code);
      expect((user + system) / 1000).toBeLessThan(1000);
    });
  }

  it('of 16 MB with 100,000 functions of 49,996 locals are judged within seconds', () => {
    const body = [...leb(6), 1, ...leb(49_996), 0x7f, 0x0b];
    const bytes = binary(
      section(1, 1, 0x60, 0, 0),
      [3, ...leb(100_003), ...leb(100_000), ...many(100_000, 0)],
      [10, ...leb(3 + 100_000 * body.length), ...leb(100_000), ...many(100_000, ...body)],
    );
    const started = process.cpuUsage();
    expect(meter(bytes).summary.functions).toBe(100_000);
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(5000);
  });
});

it('a failed check inside 70,000 blocks leads out of all of them', () => {
  const depth = 70_000;
  // Three loops that go round while a global is zero, so that their checks share one trap behind the blocks.
  const endless = [0x03, 0x40, 0x23, 0, 0x45, 0x0d, 0, 0x0b];
  const code = [...many(depth, 0x02, 0x40), ...endless, ...endless, ...endless, ...many(depth + 1, 0x0b)];
  const { bytes, fuelExport } = meter(oneFunction(code), { limits: { nesting: depth + 2 } });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const fuel = exports[fuelExport] as WebAssembly.Global<'i64'>;
  fuel.value = 1000n;
  expect(() => (exports['f'] as () => void)()).toThrow('unreachable');
  expect(fuel.value).toBeLessThan(0n);
});
