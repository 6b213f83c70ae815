import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/catalog/artifact.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { createSandbox, type ExecuteOptions, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { answer, type ComponentParts, componentGuest, componentWith, WIT } from '../guests/component.ts';
import { ECHO, text } from '../guests/wat.ts';

/** Dozens of components are admitted here, on a busy machine too. */
const PATIENCE_MS = 180_000;

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

/** Every text of `from` in the bytes replaced by another of the same length. */
function renamed(bytes: Uint8Array, from: string, to: string): Uint8Array {
  if (to.length !== from.length) throw new RangeError('expected a name of the same length');
  return Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(from, to), 'latin1');
}

const withImport = (name: string, definition: string) =>
  `${WIT.replace('world handler {', `world handler {\n  import ${name};`)}\n${definition}`;

const wasi: ComponentParts = {
  foreign: '(import "wasi:cli/environment@0.2.0" "get-environment" (func (param i32)))',
  wit: withImport(
    'wasi:cli/environment@0.2.0',
    'package wasi:cli@0.2.0 { interface environment { get-environment: func() -> list<tuple<string, string>>; } }',
  ),
};
const otherWorld = (handle: string) => WIT.replace(/export handle: .*;/, handle);

const refused: readonly [what: string, bytes: () => Promise<Uint8Array>, code: ErrorCode, message: RegExp][] =
  [
    [
      'WASI',
      () => componentGuest(wasi),
      'ERR_IMPORT_UNKNOWN',
      /wasi:cli\/environment@0\.2\.0.*nothing of wasi/,
    ],
    [
      'another version of the world',
      async () => renamed(await componentGuest({ imports: ['now'] }), '@0.1.0', '@0.1.9'),
      'ERR_IMPORT_UNKNOWN',
      /tasker:catalog\/time@0\.1\.9/,
    ],
    [
      'a function that an interface does not have',
      async () => {
        const bytes = await componentGuest({ imports: ['now'] });
        return renamed(bytes, '\x03now', '\x03foo');
      },
      'ERR_IMPORT_UNKNOWN',
      /tasker:catalog\/time#foo/,
    ],
    [
      'an interface that is not there',
      () =>
        componentGuest({
          foreign: '(import "tasker:catalog/clock@0.1.0" "set" (func (param f64)))',
          wit: WIT.replace(
            'world handler {',
            'interface clock { set: func(at: f64); }\nworld handler {\n  import clock;',
          ),
        }),
      'ERR_IMPORT_UNKNOWN',
      /tasker:catalog\/clock/,
    ],
    [
      'a handle of another type',
      () =>
        componentGuest({
          wit: otherWorld('export handle: func(input: list<u8>) -> result<string, error>;'),
        }),
      'ERR_EXPORT_MISSING',
      /export handle: func\(input: string\).*got export handle: func\(input: list<u8>\)/,
    ],
    [
      'no handle',
      async () => renamed(await componentGuest({}), '\x06handle', '\x06hondle'),
      'ERR_EXPORT_MISSING',
      /got no export of that name/,
    ],
    ['nothing inside', () => parse('(component)'), 'ERR_EXPORT_MISSING', /export handle/],
    [
      'two memories in one core module',
      () => parse('(component (core module (memory 1) (memory 1)))'),
      'ERR_MODULE_UNSUPPORTED',
      /at most one memory/,
    ],
    [
      'a memory with 64-bit addresses',
      () => parse('(component (component (core module (memory i64 1))))'),
      'ERR_MODULE_UNSUPPORTED',
      /32-bit addresses/,
    ],
    [
      'two instances of one core module, which would be paid for once and have one memory',
      () => componentWith({}, '', '(core instance (instantiate $libc))'),
      'ERR_MODULE_UNSUPPORTED',
      /one instance of each core module/,
    ],
    [
      'threads',
      () => parse('(component (core module (memory 1 2 shared)))'),
      'ERR_MODULE_UNSUPPORTED',
      /unsupported-threads/,
    ],
    [
      'memories that start larger than the limit together',
      () => componentGuest({ pages: '65' }),
      'ERR_MODULE_TOO_LARGE',
      /limit-memory-min-pages/,
    ],
    [
      'imports of the host’s memory',
      () => parse('(component (core module (import "host" "memory" (memory 1))))'),
      'ERR_IMPORT_UNKNOWN',
      /"host" are the host's own/,
    ],
    [
      'half of its bytes',
      async () => (await componentGuest({})).subarray(0, 300),
      'ERR_MODULE_MALFORMED',
      /./,
    ],
    [
      'a preamble and rubbish',
      async () => Buffer.concat([Buffer.from('0061736d0d000100', 'hex'), Buffer.alloc(64, 0x07)]),
      'ERR_MODULE_MALFORMED',
      /jco cannot read|reaches beyond|ends too early/,
    ],
    [
      'a core module for a nested component',
      async () => Buffer.concat([Buffer.from('0061736d0d000100', 'hex'), Buffer.of(4, ECHO.length), ECHO]),
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
    ends = await admitAll(refused.map(([, bytes]) => bytes()));
  }, PATIENCE_MS);

  it.each(refused)('refuses one with %s', async (what, _, code, message) => {
    expect(ends[refused.findIndex(([name]) => name === what)]).toMatchObject({
      status: 'rejected',
      reason: { code, message: expect.stringMatching(message) },
    });
  });

  it.each([
    ['ends the string that it stands in', `a'];x();b['c`],
    ['is the end of a comment', 'x*/y();/*z\'"'],
    ['goes on in a new line', `\n;x();\n//yy.`],
    ['escapes the end of its string', `abcdefghijk\\`],
    ['is a template', '`${x()}`abcd'],
    ['has a separator of lines', 'a\u2028b\u2028x()'.padEnd(8, ';')],
  ])('refuses a core module with a name that %s', async (_, name) => {
    const bytes = await componentGuest({});
    const hostile = Buffer.from(name).toString('latin1').padEnd(12, ';').slice(0, 12);
    await expect(sandbox.admit(renamed(bytes, 'cabi_realloc', hostile))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_MODULE_(UNSUPPORTED|MALFORMED)$/),
    });
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

const at = (start: number, length: number) => answer(`(i32.const ${start})`, `(i32.const ${length})`);
const spin = '(loop $again (br $again))';

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
    parts: { handle: '(i32.const 70000)' },
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
    parts: { handle: at(65_530, 100) },
    expected: { kind: 'trapped', code: 'ERR_GUEST_POINTER' },
  },
  'returns a text of 4 GiB': {
    parts: { handle: at(0, -1) },
    expected: { kind: 'trapped', code: 'ERR_GUEST_POINTER' },
  },
  'returns a result that is neither ok nor error': {
    parts: { handle: '(i32.store8 (i32.const 16) (i32.const 7)) (i32.const 16)' },
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
  'says of its failure what nobody may say': {
    parts: { handle: '(i32.store8 (i32.const 16) (i32.const 1)) (i32.const 16)' },
    expected: { kind: 'trapped', code: 'ERR_GUEST_PROTOCOL' },
  },
  'allocates beyond its memory': {
    parts: { realloc: '(i32.const 65535)' },
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(POINTER|PROTOCOL|TRAP)$/) },
  },
  'allocates far beyond its memory': {
    parts: { realloc: '(i32.const -8)' },
    expected: { kind: 'trapped', code: expect.stringMatching(/^ERR_GUEST_(POINTER|PROTOCOL|TRAP)$/) },
  },
  'never comes to an end while it allocates': {
    parts: { realloc: `${spin} (i32.const 0)` },
    options: { limits: { fuel: 100_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'never comes to an end while it handles': {
    parts: { handle: `${spin} (i32.const 0)` },
    options: { limits: { fuel: 100_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'never comes to an end while it starts': {
    parts: { fields: `(func $spin ${spin}) (start $spin)` },
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
    parts: {
      handle: '(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)',
    },
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
    parts: {
      imports: ['log'],
      handle: `(loop $again (call $log (i32.const 1) (i32.const 0) (i32.const 60000)) (br $again)) (i32.const 0)`,
    },
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
    parts: {
      imports: ['log'],
      handle: '(call $log (i32.const 1) (i32.const 65000) (i32.const 1000)) (i32.const 0)',
    },
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
    parts: {
      imports: ['request'],
      fields: `(func $early (call $request (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 400)))
        (start $early)`,
    },
    options: {
      grants: [
        { capability: 'http', schemes: ['https'], hosts: ['example.com'], ports: [443], methods: ['GET'] },
      ],
    },
    expected: { kind: 'trapped' },
  },
  'makes resources without end': {
    parts: () =>
      componentWith(
        { make: { canon: 'resource.new $thing', type: '(param i32) (result i32)' } },
        '(loop $again (drop (call $make (i32.const 1))) (br $again))',
      ),
    options: { limits: { fuel: 10_000_000 } },
    expected: { kind: 'exhausted', code: 'ERR_LIMIT_FUEL' },
  },
  'drops what it does not have': {
    parts: () =>
      componentWith(
        { drop: { canon: 'resource.drop $thing', type: '(param i32)' } },
        '(call $drop (i32.const 99))',
      ),
    expected: { kind: 'completed', output: '"in"' },
  },
  'sends a head that is no JSON': {
    parts: {
      imports: ['request'],
      fields: text(100, '"denied"').field,
      handle: `(call $request (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 400))
        (if (i32.eqz (i32.load8_u (i32.const 400))) (then (unreachable))) ${at(100, 8)}`,
    },
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
