import { instantiateSync } from '@assemblyscript/loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileHandler } from '../../src/catalog/compile.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { Tape } from '../../src/sandbox/index.ts';
import { createSandbox, type ExecuteOptions, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { replay } from '../../src/sandbox/tape/replay.ts';
import { plainGuest, stringAt } from '../guests/plain.ts';

const EXAMPLE = new URL('../../examples/plain-assemblyscript/', import.meta.url);

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = createSandbox({ lanes: 1, tier: (handler) => (handler === 'apart' ? 'process' : 'thread') });
});
afterAll(() => sandbox.close());

const run = async (module: Uint8Array, options: Partial<ExecuteOptions> = {}): Promise<Outcome> =>
  sandbox.execute(await sandbox.admit(module), { input: '"in"', ...options });

const bothTiers = ['here', 'apart'] as const;

describe('a plain AssemblyScript module', () => {
  it('does what it does under the stock loader: string in, string out', async () => {
    const { wasm } = await compileHandler(EXAMPLE.pathname);
    const { exports } = instantiateSync<Record<string, never>>(wasm, {});
    const loader = exports as unknown as {
      handle(pointer: number): number;
      __newString(text: string): number;
      __getString(pointer: number): string;
    };
    const artifact = await sandbox.admit(wasm);
    for (const input of [
      '"to be or not to be"',
      '{}',
      '"grüße, 世界 😀"',
      JSON.stringify('long '.repeat(50_000)),
    ]) {
      const expected = loader.__getString(loader.handle(loader.__newString(input)));
      for (const handler of bothTiers) {
        expect(await sandbox.execute(artifact, { input, handler })).toMatchObject({
          kind: 'completed',
          output: expected,
        });
      }
    }
  });

  it('has a receipt of its own ABI, exact fuel, and the same fuel every time', async () => {
    const artifact = await sandbox.admit((await compileHandler(EXAMPLE.pathname)).wasm);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => sandbox.execute(artifact, { input: '"a b"' })),
    );
    expect(outcomes[0]).toMatchObject({ usage: { fuelExact: true }, receipt: { abi: 'assemblyscript/1' } });
    expect(new Set(outcomes.map(({ usage }) => usage.fuel)).size).toBe(1);
  });

  it('pays for its input by the byte', async () => {
    const fuel = async (input: string) => (await run(plainGuest({}), { input })).usage.fuel;
    expect((await fuel(JSON.stringify('x'.repeat(10_000)))) - (await fuel('""'))).toBe((4 * 10_000) / 2);
  });

  it('can be replayed from its tape', async () => {
    const artifact = await sandbox.admit((await compileHandler(EXAMPLE.pathname)).wasm);
    const tapes: Tape[] = [];
    await sandbox.execute(artifact, { input: '"one two"', onTape: (tape) => tapes.push(tape) });
    expect(tapes[0]).toMatchObject({ abi: 'assemblyscript/1' });
    expect(await replay(sandbox, artifact, tapes[0] as Tape)).toEqual({ verdict: 'equal' });
  });

  it('ends with the message of its exception', async () => {
    const outcome = await run(
      plainGuest({
        imports: '(import "env" "abort" (func $abort (param i32 i32 i32 i32)))',
        fields: stringAt(2048, 'no such order') + stringAt(4096, 'handler.ts'),
        handle: '(call $abort (i32.const 2048) (i32.const 4096) (i32.const 3) (i32.const 9)) (unreachable)',
      }),
    );
    expect(outcome).toMatchObject({
      kind: 'trapped',
      code: 'ERR_GUEST_ABORT',
      message: 'no such order at handler.ts:3:9',
    });
  });

  it('without an output has failed: null is no document', async () => {
    expect(await run(plainGuest({ handle: '(i32.const 0)' }))).toMatchObject({
      kind: 'failed',
      code: 'ERR_OUTPUT_MISSING',
    });
  });
});

describe('admission of plain AssemblyScript', () => {
  it.each([
    [
      'a host call',
      '(import "tasker" "get_time" (func (result f64)))',
      /tasker\.get_time: plain AssemblyScript has no host calls/,
    ],
    ['a clock', '(import "env" "seed" (func (result f64)))', /env\.seed/],
    ['a table', '(import "env" "table" (table 1 funcref))', /env\.table/],
    ['the Math of the host', '(import "Math" "random" (func (result f64)))', /Math\.random/],
  ])('refuses %s among the imports', async (_, imports, message) => {
    await expect(sandbox.admit(plainGuest({ imports }))).rejects.toMatchObject({
      code: 'ERR_IMPORT_UNKNOWN',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a module whose runtime is not there or has other types', async () => {
    const rename = (from: string, to: string) => {
      const bytes = Buffer.from(plainGuest({}));
      bytes.write(to, bytes.indexOf(from));
      return bytes;
    };
    for (const [name, other] of [
      ['__new', '__net'],
      ['__pin', '__pit'],
      ['__collect', '__collecx'],
      ['__rtti_base', '__rtti_basf'],
    ] as const) {
      await expect(sandbox.admit(rename(name, other))).rejects.toMatchObject({
        code: 'ERR_EXPORT_MISSING',
        message: expect.stringContaining(`"${name}"`),
      });
    }
  });

  it('refuses a manifest that says something else', async () => {
    const manifest = { name: 'plain', version: '1.0.0', abi: 'tasker-core/1' };
    await expect(sandbox.admit(plainGuest({}), manifest)).rejects.toMatchObject({
      code: 'ERR_MANIFEST_INVALID',
      message: 'plain: the manifest says abi tasker-core/1, the module is assemblyscript/1',
    });
  });

  it('leaves the loader no export from which it would write the prototypes of the host', async () => {
    const evil = plainGuest({
      fields: `(func (export "constructor#get:isAdmin") (param i32) (result i32) (i32.const 1))
        (func (export "constructor#toString") (param i32) (result i32) (i32.const 1))
        (func (export "__proto__.polluted") (result i32) (i32.const 1))`,
    });
    expect(await run(evil)).toMatchObject({ kind: 'completed', output: '"in"' });
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('isAdmin');
    expect(await run(plainGuest({}))).toMatchObject({ kind: 'completed', output: '"in"' });
  });
});

const unit = (pointer: number | string) => `(i32.const ${pointer})`;

describe.each(bothTiers)('a hostile plain AssemblyScript module, %s', (handler) => {
  const hostile = async (module: Uint8Array, options: Partial<ExecuteOptions> = {}) => {
    const outcome = await run(module, { handler, ...options });
    // Whatever it did, the next one on this lane finds everything as it was.
    expect(await run(plainGuest({}), { handler })).toMatchObject({ kind: 'completed', output: '"in"' });
    return outcome;
  };

  it.each([
    ['beyond its memory', unit(70_000)],
    ['at its very end', unit(65_536)],
    ['far beyond', unit(-4)],
    ['before any header', unit(4)],
    ['between two words', unit(2050)],
  ])('that returns a pointer %s breaks the ABI', async (_, handle) => {
    expect(await hostile(plainGuest({ handle, fields: stringAt(2048, '"x"') }))).toMatchObject({
      kind: 'trapped',
      code: expect.stringMatching(/^ERR_GUEST_(POINTER|PROTOCOL)$/),
    });
  });

  it.each([
    ['4 GiB', -2],
    ['2 GiB', 0x7fff_fffe],
    ['one unit more than there is', 65_536 - 2048 + 2],
  ])('that returns a string said to have %s breaks the ABI', async (_, size) => {
    expect(
      await hostile(plainGuest({ handle: unit(2048), fields: stringAt(2048, '"x"', size) })),
    ).toMatchObject({ kind: 'trapped', code: 'ERR_GUEST_POINTER' });
  });

  it('that returns what is no string breaks the ABI', async () => {
    const notAString = `(data (i32.const 2040) "\\07\\00\\00\\00\\04\\00\\00\\00")`;
    expect(await hostile(plainGuest({ handle: unit(2048), fields: notAString }))).toMatchObject({
      kind: 'trapped',
      code: 'ERR_GUEST_PROTOCOL',
    });
    const odd = stringAt(2048, '"x"', 3);
    expect(await hostile(plainGuest({ handle: unit(2048), fields: odd }))).toMatchObject({
      kind: 'trapped',
      code: 'ERR_GUEST_PROTOCOL',
    });
  });

  it.each([
    ['nowhere', unit(-16)],
    ['null', unit(0)],
    ['the end of its memory', unit(65_528)],
    ['a place without a header', unit(4096)],
    ['a string of another size', unit(2048)],
  ])('whose __new answers %s breaks the ABI before its handler runs', async (_, allocate) => {
    const module = plainGuest({
      allocate,
      handle: '(loop $again (br $again)) (i32.const 0)',
      fields: stringAt(2048, '"something else"'),
    });
    expect(await hostile(module)).toMatchObject({
      kind: 'trapped',
      code: expect.stringMatching(/^ERR_GUEST_(POINTER|PROTOCOL)$/),
    });
  });

  it('whose abort has hostile pointers ends with what can be read', async () => {
    for (const [message, file] of [
      [-1, 3],
      [65_536, 70_000],
      [2048, -2048],
    ]) {
      const module = plainGuest({
        imports: '(import "env" "abort" (func $abort (param i32 i32 i32 i32)))',
        fields: stringAt(2048, 'x', -2),
        handle: `(call $abort ${unit(message ?? 0)} ${unit(file ?? 0)} (i32.const -1) (i32.const -1)) (unreachable)`,
      });
      expect(await hostile(module)).toMatchObject({ kind: 'trapped', code: 'ERR_GUEST_ABORT' });
    }
  });

  it('that returns more than an output may have has run into the limit', async () => {
    const module = plainGuest({
      pages: '8 8',
      handle: unit(2048),
      fields: stringAt(2048, '', 400_000),
    });
    expect(await hostile(module, { limits: { output_bytes: 1000 } })).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_OUTPUT',
      used: 200_000,
    });
    // 600 units, and three bytes of UTF-8 for each.
    const wide = plainGuest({ handle: unit(2048), fields: stringAt(2048, '世'.repeat(600)) });
    expect(await hostile(wide, { limits: { output_bytes: 1000 } })).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_OUTPUT',
      used: 1800,
    });
  });

  it('that returns half of a character, or no JSON, has no output', async () => {
    const half = plainGuest({ handle: unit(2048), fields: stringAt(2048, '\ud800') });
    expect(await hostile(half)).toMatchObject({ kind: 'failed', code: 'ERR_OUTPUT_INVALID' });
  });

  it.each([
    ['starts', { fields: '(func $spin (loop $again (br $again))) (start $spin)' }],
    ['allocates', { allocate: '(loop $again (br $again)) (i32.const 0)' }],
    ['handles', { handle: '(loop $again (br $again)) (i32.const 0)' }],
  ])('that never comes to an end while it %s runs out of fuel', async (_, parts) => {
    expect(await hostile(plainGuest(parts), { limits: { fuel: 100_000 } })).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_FUEL',
    });
  });

  it('whose input does not fit into its fuel runs out before anything is copied', async () => {
    const input = JSON.stringify('x'.repeat(200_000));
    expect(await hostile(plainGuest({ pages: '8 8' }), { input, limits: { fuel: 1000 } })).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_FUEL',
    });
  });
});
