import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModuleSource } from '../../src/attack/attack.ts';
import {
  at,
  FOREIGN_HANDLE,
  HANDLE_FLOOD,
  HOSTILE_NAMES,
  HOSTILE_PARTS,
  namedComponent,
  REFUSED_COMPONENTS,
} from '../../src/attack/guests/hostile-component.ts';
import { loadAssembler } from '../../src/attack/target/assemble.ts';
import { renamed } from '../../src/attack/target/build-component.ts';
import type { Artifact } from '../../src/catalog/artifact.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { createSandbox, type ExecuteOptions, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type ComponentParts, componentGuest } from '../guests/component.ts';
import { ECHO } from '../guests/wat.ts';

/** Dozens of components are admitted here, on a busy machine too. */
const PATIENCE_MS = 180_000;

const assemble = await loadAssembler([REFUSED_COMPONENTS.empty]);

let sandbox: Sandbox;
let honest: Artifact;
beforeAll(async () => {
  sandbox = createSandbox({
    lanes: 1,
    limits: { memory_pages: 64 },
    tier: (handler) => (handler === 'apart' ? 'process' : 'thread'),
  });
  honest = await sandbox.admit(await componentGuest({}));
});
afterAll(() => sandbox.close());

const PREAMBLE = Buffer.from('0061736d0d000100', 'hex');

const refused: readonly [what: string, module: ModuleSource, code: ErrorCode, message: RegExp][] = [
  ['WASI', REFUSED_COMPONENTS.wasi, 'ERR_IMPORT_UNKNOWN', /wasi:cli\/environment@0\.2\.0.*nothing of wasi/],
  [
    'another version of the world',
    REFUSED_COMPONENTS.otherVersion,
    'ERR_IMPORT_UNKNOWN',
    /tasker:catalog\/time@0\.1\.9/,
  ],
  [
    'a function that an interface does not have',
    REFUSED_COMPONENTS.unknownFunction,
    'ERR_IMPORT_UNKNOWN',
    /tasker:catalog\/time#foo/,
  ],
  [
    'an interface that is not there',
    REFUSED_COMPONENTS.unknownInterface,
    'ERR_IMPORT_UNKNOWN',
    /tasker:catalog\/clock/,
  ],
  [
    'a handle of another type',
    REFUSED_COMPONENTS.otherHandle,
    'ERR_EXPORT_MISSING',
    /export handle: func\(input: string\).*got export handle: func\(input: list<u8>\)/,
  ],
  [
    'no handle',
    { component: {}, renamed: ['\x06handle', '\x06hondle'] },
    'ERR_EXPORT_MISSING',
    /got no export of that name/,
  ],
  ['nothing inside', REFUSED_COMPONENTS.empty, 'ERR_EXPORT_MISSING', /export handle/],
  [
    'two memories in one core module',
    REFUSED_COMPONENTS.twoMemories,
    'ERR_MODULE_UNSUPPORTED',
    /at most one memory/,
  ],
  [
    'a memory with 64-bit addresses',
    REFUSED_COMPONENTS.wideMemory,
    'ERR_MODULE_UNSUPPORTED',
    /32-bit addresses/,
  ],
  [
    'two instances of one core module, which would be paid for once and have one memory',
    REFUSED_COMPONENTS.twoInstances,
    'ERR_MODULE_UNSUPPORTED',
    /one instance of each core module/,
  ],
  ['threads', REFUSED_COMPONENTS.sharedMemory, 'ERR_MODULE_UNSUPPORTED', /unsupported-threads/],
  [
    'an asynchronous built-in function',
    REFUSED_COMPONENTS.task,
    'ERR_MODULE_UNSUPPORTED',
    /the built-in function 0x/,
  ],
  [
    'memories that start larger than the limit together',
    { component: { pages: '65' } },
    'ERR_MODULE_TOO_LARGE',
    /limit-memory-min-pages/,
  ],
  [
    'imports of the host’s memory',
    REFUSED_COMPONENTS.hostMemory,
    'ERR_IMPORT_UNKNOWN',
    /"host" are the host's own/,
  ],
  [
    'a preamble and rubbish',
    { bytes: () => Buffer.concat([PREAMBLE, Buffer.alloc(64, 0x07)]) },
    'ERR_MODULE_MALFORMED',
    /jco cannot read|reaches beyond|ends too early/,
  ],
  [
    'a core module for a nested component',
    { bytes: () => Buffer.concat([PREAMBLE, Buffer.of(4, ECHO.length), ECHO]) },
    'ERR_MODULE_MALFORMED',
    /./,
  ],
];

/** All at once: modules that wait at the same time share a child, and jco is loaded once for all of them. */
async function admitAll(modules: readonly Promise<Uint8Array>[]): Promise<PromiseSettledResult<Artifact>[]> {
  const bytes = await Promise.all(modules);
  return Promise.allSettled(bytes.map((module) => sandbox.admit(module)));
}

describe('admission of a component', () => {
  let ends: PromiseSettledResult<Artifact>[];
  beforeAll(async () => {
    ends = await admitAll(refused.map(([, module]) => assemble(module)));
  }, PATIENCE_MS);

  it.each(refused)('refuses one with %s', async (what, _, code, message) => {
    expect(ends[refused.findIndex(([name]) => name === what)]).toMatchObject({
      status: 'rejected',
      reason: { code, message: expect.stringMatching(message) },
    });
  });

  it('refuses half of one', async () => {
    const half = (await componentGuest({})).subarray(0, 300);
    await expect(sandbox.admit(half)).rejects.toMatchObject({ code: 'ERR_MODULE_MALFORMED' });
  });

  it.each(Object.entries(HOSTILE_NAMES))('refuses a core module with a name that %s', async (_, name) => {
    const hostile = await assemble(namedComponent(name));
    await expect(sandbox.admit(hostile)).rejects.toMatchObject({ code: 'ERR_MODULE_UNSUPPORTED' });
  });

  it(
    'never lets a name into the glue that could end a string: any name of any component',
    async () => {
      const bytes = await componentGuest({ imports: ['now', 'log', 'request', 'config'] });
      const names = [
        ...new Set(
          Buffer.from(bytes)
            .toString('latin1')
            .match(/[a-z][a-z0-9_-]{3,}/g),
        ),
      ];
      expect(names.length).toBeGreaterThan(10);
      const MARK = `';//`;
      await Promise.all(
        names.map(async (name) => {
          const hostile = renamed(bytes, name, name.slice(0, -MARK.length) + MARK);
          const admitted = await sandbox
            .admit(hostile)
            .catch((error: { readonly code: string }) => error.code);
          if (typeof admitted === 'string') expect(admitted).toMatch(/^ERR_(MODULE|IMPORT|EXPORT)_/);
          else expect(admitted.component?.glue).not.toContain(MARK);
        }),
      );
    },
    PATIENCE_MS,
  );
});

const hostile: Readonly<
  Record<
    string,
    {
      parts: ComponentParts | (() => Promise<Uint8Array>);
      options?: Partial<ExecuteOptions>;
      expected: object;
    }
  >
> = {
  'returns a result beyond its memory': {
    parts: HOSTILE_PARTS.resultOutside,
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(POINTER|TRAP|PROTOCOL)$/) },
  },
  'returns a result at the very end of its memory': {
    parts: { handle: '(i32.const 65532)' },
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(POINTER|TRAP|PROTOCOL)$/) },
  },
  'returns an unaligned result': {
    parts: { handle: '(i32.const 17)' },
    expected: { kind: 'failed', code: 'ERR_OUTPUT_INVALID' },
  },
  'returns a text beyond its memory': {
    parts: HOSTILE_PARTS.textOutside,
    expected: { kind: 'trapped', code: 'ERR_GUEST_POINTER' },
  },
  'returns a text of 4 GiB': {
    parts: HOSTILE_PARTS.hugeText,
    expected: { kind: 'trapped', code: 'ERR_GUEST_POINTER' },
  },
  'returns a result that is neither ok nor error': {
    parts: HOSTILE_PARTS.neitherOkNorError,
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(TRAP|PROTOCOL)$/) },
  },
  'returns what is not UTF-8': {
    parts: { fields: '(data (i32.const 100) "\\ff\\fe\\22")', handle: at(100, 3) },
    expected: { kind: 'failed', code: 'ERR_OUTPUT_INVALID' },
  },
  'returns more than an output may have': {
    parts: { pages: '4', handle: at(0, 200_000) },
    options: { limits: { output_bytes: 1000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_OUTPUT', used: 200_000 },
  },
  'traps once its result is taken': {
    parts: HOSTILE_PARTS.trapInPostReturn,
    expected: { kind: 'trapped', code: 'ERR_GUEST_TRAP' },
  },
  'never comes to an end once its result is taken': {
    parts: HOSTILE_PARTS.endlessPostReturn,
    options: { limits: { fuel: 100_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'says of its failure what nobody may say': {
    parts: { handle: '(i32.store8 (i32.const 16) (i32.const 1)) (i32.const 16)' },
    expected: { kind: 'trapped', code: 'ERR_GUEST_PROTOCOL' },
  },
  'allocates beyond its memory': {
    parts: { realloc: '(i32.const 65535)' },
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(POINTER|PROTOCOL|TRAP)$/) },
  },
  'allocates far beyond its memory': {
    parts: HOSTILE_PARTS.allocatesOutside,
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(POINTER|PROTOCOL|TRAP)$/) },
  },
  'never comes to an end while it allocates': {
    parts: HOSTILE_PARTS.endlessAllocation,
    options: { limits: { fuel: 100_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'never comes to an end while it handles': {
    parts: HOSTILE_PARTS.endlessHandle,
    options: { limits: { fuel: 100_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'never comes to an end while it starts': {
    parts: HOSTILE_PARTS.endlessStart,
    options: { limits: { fuel: 100_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'is given less fuel than its input costs': {
    parts: {},
    options: { input: JSON.stringify('x'.repeat(50_000)), limits: { fuel: 1000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  traps: {
    parts: { handle: '(unreachable)' },
    expected: { kind: 'trapped', code: 'ERR_GUEST_TRAP', stack: [expect.stringContaining('wasm-function')] },
  },
  'reads outside of its memory': {
    parts: { handle: '(i32.load (i32.const -4))' },
    expected: { kind: 'trapped', code: 'ERR_GUEST_TRAP' },
  },
  'calls itself for ever': {
    parts: {
      fields: '(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))',
      handle: '(call $deep (i32.const 1))',
    },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_DEPTH' },
  },
  'takes all the memory it can get, and ends without more': {
    parts: HOSTILE_PARTS.takesAllMemory,
    options: { limits: { memory_pages: 16 } },
    expected: {
      kind: 'exhausted',
      code: 'ERR_LIMIT_MEMORY',
      used: 16,
      usage: { peakMemoryBytes: 16 * 65_536 },
    },
  },
  'starts with more memory than its invocation may have': {
    parts: { pages: '8' },
    options: { limits: { memory_pages: 4 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_MEMORY', used: 8, allowed: 4 },
  },
  'floods the log': {
    parts: HOSTILE_PARTS.logFlood,
    options: { grants: [{ capability: 'log' }], limits: { log_bytes: 100_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_LOG' },
  },
  'logs with a level that there is not': {
    parts: {
      imports: ['log'],
      handle: '(call $log (i32.const 9) (i32.const 0) (i32.const 1)) (i32.const 0)',
    },
    options: { grants: [{ capability: 'log' }] },
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(PROTOCOL|TRAP)$/) },
  },
  'logs what lies outside of its memory': {
    parts: HOSTILE_PARTS.logOutside,
    options: { grants: [{ capability: 'log' }] },
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(POINTER|TRAP)$/) },
  },
  'asks for more randomness than there is in one call': {
    parts: { imports: ['bytes'], handle: '(call $bytes (i32.const -1) (i32.const 200)) (i32.const 0)' },
    options: { grants: [{ capability: 'random' }] },
    expected: { kind: 'trapped', code: 'ERR_GUEST_PROTOCOL' },
  },
  'calls the host before its component is ready': {
    parts: {
      imports: ['now'],
      fields: '(func $early (drop (call $now))) (start $early)',
    },
    options: { grants: [{ capability: 'time' }] },
    expected: { kind: 'completed', output: '"in"' },
  },
  'waits for a request in its start function': {
    parts: HOSTILE_PARTS.requestAtStart,
    options: {
      grants: [
        { capability: 'http', schemes: ['https'], hosts: ['example.com'], ports: [443], methods: ['GET'] },
      ],
    },
    expected: { kind: 'trapped' },
  },
  'makes resources without end': {
    parts: () => assemble({ componentText: HANDLE_FLOOD }),
    options: { limits: { fuel: 10_000_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'drops what it does not have': {
    parts: () => assemble({ componentText: FOREIGN_HANDLE }),
    expected: { kind: 'completed', output: '"in"' },
  },
  'sends a head that is no JSON': {
    parts: HOSTILE_PARTS.malformedRequest,
    options: {
      grants: [
        { capability: 'http', schemes: ['https'], hosts: ['example.com'], ports: [443], methods: ['GET'] },
      ],
    },
    expected: {
      kind: 'completed',
      output: '"denied"',
      receipt: { host_calls: [{ code: 'ERR_HOST_CALL_INVALID' }] },
    },
  },
};

describe('a hostile component', () => {
  const artifacts = new Map<string, Artifact>();
  beforeAll(async () => {
    const names = Object.keys(hostile);
    const ends = await admitAll(
      names.map((name) => {
        const { parts } = hostile[name] ?? { parts: {} };
        return typeof parts === 'function' ? parts() : componentGuest(parts);
      }),
    );
    for (const [index, end] of ends.entries()) {
      if (end.status === 'rejected') throw end.reason;
      artifacts.set(names[index] ?? '', end.value);
    }
  }, PATIENCE_MS);

  describe.each(['here', 'apart'])('%s', (handler) => {
    it.each(Object.keys(hostile))(
      'that %s has a clear end, and the next one finds nothing of it',
      async (name) => {
        const artifact = artifacts.get(name) as Artifact;
        const { options, expected } = hostile[name] ?? { expected: {} };
        const outcome = await sandbox.execute(artifact, { input: '"in"', handler, ...options });
        expect(outcome).toMatchObject(expected);
        expect(await sandbox.execute(honest, { input: '"in"', handler: 'here' })).toMatchObject({
          kind: 'completed',
          output: '"in"',
        });
      },
    );
  });

  it('has brought down no lane', () => {
    expect(sandbox.status).toMatchObject({ lanesReady: 1, pending: 0, quarantined: [] });
  });
});
