import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Admission } from '../../../src/catalog/admission/admission.ts';
import { admitArtifact, compileArtifact } from '../../../src/catalog/admit.ts';
import type { Artifact } from '../../../src/catalog/artifact.ts';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import type { InvokeMessage, ModuleMessage } from '../../../src/sandbox/protocol.ts';
import { CellStore } from '../../../src/sandbox/worker/cell-store.ts';
import { startInvocation } from '../../../src/sandbox/worker/invocation.ts';
import type { Workplace } from '../../../src/sandbox/worker/workplace.ts';
import { componentGuest } from '../../guests/component.ts';
import { componentStateGuest, DEEDS, type GuestShape, stateGuest } from './state-guest.ts';

const LIMITS = Object.freeze({ ...DEFAULT_LIMITS, fuel: 3_000_000, memory_pages: 8 });

const STARTS = ['none', 'writes', 'grows', 'calls the host', 'writes the table', 'traps', 'spins'] as const;

/** One of each start; they cost too much to be made for every run. */
const components: ModuleMessage[] = [];
beforeAll(async () => {
  const shape = { abi: 'tasker:catalog/handler@0.1.0', writesTables: true, usesSegments: true } as const;
  const bytes = await Promise.all(
    STARTS.map((start) =>
      componentGuest(componentStateGuest({ ...shape, start, suspends: false, pages: 2 })),
    ),
  );
  const admission = new Admission(LIMITS);
  const prepared = await Promise.all(bytes.map((module) => admission.prepare(module)));
  admission.close();
  for (const module of prepared) components.push(messageOf(compileArtifact(module, null)));
});

const shapes: fc.Arbitrary<GuestShape> = fc.record({
  abi: fc.constantFrom('tasker-core/1', 'assemblyscript/1'),
  start: fc.constantFrom(...STARTS),
  writesTables: fc.boolean(),
  usesSegments: fc.boolean(),
  suspends: fc.boolean(),
  pages: fc.integer({ min: 1, max: 3 }),
});

interface Call {
  /** One of the three, or of the components behind them. */
  readonly guest: number;
  readonly deed: number;
  readonly argument: number;
  readonly pages: number;
  readonly fuel: number;
}

const calls: fc.Arbitrary<Call[]> = fc.array(
  fc.record({
    guest: fc.nat({ max: 2 + STARTS.length }),
    deed: fc.nat({ max: DEEDS.length - 1 }),
    argument: fc.nat({ max: 255 }),
    pages: fc.constantFrom(3, 5, 8),
    // Small ones end before the guest starts (a page costs 65,536), in its start function or soon after.
    fuel: fc.oneof({ weight: 3, arbitrary: fc.constant(LIMITS.fuel) }, fc.integer({ min: 1, max: 400_000 })),
  }),
  { minLength: 2, maxLength: 16 },
);

let moduleId = 0;
const messageOf = ({ manifest: _, digest: __, ...artifact }: Artifact): ModuleMessage => {
  moduleId += 1;
  return { type: 'module', moduleId, forgets: null, ...artifact };
};
const moduleOf = (shape: GuestShape) => messageOf(admitArtifact(stateGuest(shape), null, LIMITS));

function workplace(): Workplace {
  return {
    cells: new CellStore(),
    callBroker: async (slot) => ({
      type: 'reply',
      sentAtMs: 0,
      slot,
      status: 0,
      timeMs: null,
      payload: new Uint8Array([1, 2, 3]),
    }),
    mark: { enter: () => {}, leave: () => {} },
  };
}

/** One invocation; everything that is reported about it, but the time it took. */
async function invoke(module: ModuleMessage, call: Call, place: Workplace): Promise<object> {
  const message: InvokeMessage = {
    type: 'invoke',
    slot: 0,
    input: new Uint8Array([call.deed, call.argument]),
    config: new Uint8Array(),
    step: new Uint8Array(),
    limits: { ...LIMITS, memory_pages: call.pages, fuel: call.fuel },
    timeMs: null,
    seed: null,
    logLevel: null,
    mayWait: false,
  };
  return startInvocation(module, message, place).result;
}

describe('an invocation on a used thread', () => {
  it('is told from one in a brand-new instance by nothing: state, output, fuel, memory, failure', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(shapes, { minLength: 3, maxLength: 3 }), calls, async (three, sequence) => {
        const modules = [...three.map(moduleOf), ...components];
        const used = workplace();
        for (const call of sequence) {
          const module = modules[call.guest] as ModuleMessage;
          // The brand-new instance is one of the plain module, whose start function runs before the entry.
          const expected = await invoke({ ...module, image: null }, call, workplace());
          expect(await invoke(module, call, used)).toEqual(expected);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has an image where nothing but memory and numbers can change, and only there', () => {
    const shape: GuestShape = {
      abi: 'tasker-core/1',
      start: 'grows',
      writesTables: false,
      usesSegments: false,
      suspends: false,
      pages: 1,
    };
    expect(moduleOf(shape).image).toMatchObject({ memoryMinPages: 3 });
    expect(moduleOf({ ...shape, abi: 'assemblyscript/1' }).image).toMatchObject({ memoryMinPages: 3 });
    expect(moduleOf({ ...shape, start: 'none' }).image).toMatchObject({ startFuel: 0, memoryMinPages: 1 });
    for (const start of ['calls the host', 'writes the table', 'traps', 'spins'] as const) {
      expect(moduleOf({ ...shape, start }).image).toBeNull();
    }
    expect(moduleOf({ ...shape, writesTables: true }).image).toBeNull();
    expect(moduleOf({ ...shape, usesSegments: true }).image).toBeNull();
  });
});
