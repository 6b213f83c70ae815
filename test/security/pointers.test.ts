import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admitArtifact } from '../../src/catalog/admit.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { guest, type ImportName, text } from '../guests/wat.ts';

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = createSandbox({ limits: { fuel: 10_000_000 } });
});
afterAll(() => sandbox.close());

const call = async (imports: readonly ImportName[], body: string, fields = '') =>
  // Hundreds of modules of our own: admitted in this process, which a child each would take minutes for.
  sandbox.execute(
    admitArtifact(guest({ imports, body: `${body} (i32.const 0)`, fields }), null, DEFAULT_LIMITS),
    {
      input: '{"some":"input"}',
      grants: [{ capability: 'log' }, { capability: 'http', schemes: [], hosts: [], ports: [], methods: [] }],
    },
  );

describe('a pointer outside memory', () => {
  it.each([
    ['input_read', '(call $input_read (i32.const 65535))'],
    ['input_read', '(call $input_read (i32.const -1))'],
    ['output_write', '(call $output_write (i32.const 65530) (i32.const 100))'],
    ['output_write', '(call $output_write (i32.const -8) (i32.const 16))'],
    ['log', '(call $log (i32.const 1) (i32.const 65536) (i32.const 1))'],
    ['fail', '(call $fail (i32.const 70000) (i32.const 10))'],
    ['http_request', '(drop (call $http_request (i32.const 65000) (i32.const 1000)))'],
  ] as const)('handed to %s ends the guest with the address: %s', async (name, body) => {
    const outcome = await call([name], body);
    expect(outcome).toMatchObject({ kind: 'trapped', code: 'ERR_GUEST_POINTER' });
    expect(outcome.kind === 'trapped' && outcome.message).toMatch(
      new RegExp(`^${name}: \\d+ bytes at address \\d+ lie outside the guest's memory of 65536 bytes$`),
    );
  });

  it('a fail that is not JSON is the guest breaking the ABI', async () => {
    const { field, args } = text(16, 'not json');
    expect(await call(['fail'], `(call $fail ${args})`, field)).toMatchObject({
      kind: 'trapped',
      code: 'ERR_GUEST_PROTOCOL',
    });
  });

  it('any pointer and length end in an outcome, never in an exception of the host', async () => {
    const i32 = fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.integer({ min: 65_500, max: 65_600 }),
      fc.integer(),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('output_write', 'fail', 'log', 'http_request'),
        i32,
        i32,
        async (name, a, b) => {
          const args = `(i32.const ${a}) (i32.const ${b})`;
          const body = {
            output_write: `(call $output_write ${args})`,
            fail: `(call $fail ${args})`,
            log: `(call $log (i32.const 1) ${args})`,
            http_request: `(drop (call $http_request ${args}))`,
          }[name];
          const outcome = await call([name], body);
          expect(['completed', 'failed', 'trapped', 'exhausted']).toContain(outcome.kind);
        },
      ),
      { numRuns: 200 },
    );
  });
});
