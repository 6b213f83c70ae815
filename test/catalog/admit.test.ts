import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { admitArtifact } from '../../src/catalog/admit.ts';
import { isBrokerError } from '../../src/errors.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { ECHO, ENDLESS, guest, wat } from '../guests/wat.ts';
import { binary, section } from '../metering/support/binary.ts';

const admit = (bytes: Uint8Array, limits = DEFAULT_LIMITS) => admitArtifact(bytes, null, limits);
const refusal = (bytes: Uint8Array, limits = DEFAULT_LIMITS): unknown => {
  try {
    admit(bytes, limits);
  } catch (error) {
    return error;
  }
  throw new Error('the module was admitted');
};

const nameOf = (text: string): number[] => [text.length, ...Buffer.from(text)];

describe('admission of a module', () => {
  it('takes its identity from the published bytes, not from the rewritten ones', () => {
    const artifact = admit(ECHO);
    expect(artifact.digest).toBe(admit(ECHO.slice()).digest);
    expect(artifact.digest).not.toBe(admit(ENDLESS).digest);
    expect(artifact.meteredBytes).toBeGreaterThan(artifact.publishedBytes);
  });

  it('derives capabilities from what is imported', () => {
    expect(admit(guest({ imports: ['http_request', 'log'] }))).toMatchObject({
      capabilities: ['http', 'log'],
      suspends: true,
    });
    expect(admit(ECHO)).toMatchObject({ capabilities: [], suspends: false });
  });

  it.each([
    ['empty', new Uint8Array()],
    ['text', new TextEncoder().encode('not a module')],
    ['cut off', ECHO.slice(0, ECHO.length - 5)],
    ['a component', Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0)],
  ])('refuses bytes that are %s', (_what, bytes) => {
    const error = refusal(bytes);
    expect(isBrokerError(error) && error.code).toMatch(/^ERR_MODULE_(MALFORMED|UNSUPPORTED)$/);
  });

  it('refuses a module that the engine would refuse, with the engine’s reason', () => {
    // A type error inside a body: the rewriter does not check types, the engine does.
    const bytes = ECHO.slice();
    const at = bytes.lastIndexOf(0x41);
    bytes[at] = 0x42;
    expect(refusal(bytes)).toMatchObject({
      code: 'ERR_MODULE_MALFORMED',
      message: expect.stringContaining('the engine refuses'),
    });
  });

  it('refuses a module without the entry, naming it', () => {
    expect(refusal(wat('(module (memory (export "memory") 1))'))).toMatchObject({
      code: 'ERR_EXPORT_MISSING',
      message:
        'the module must export a function "tk_handle" of type () -> (i32); got no export of that name',
    });
  });

  it('refuses an entry of another type', () => {
    expect(
      refusal(wat('(module (memory (export "memory") 1) (func (export "tk_handle") (param i32)))')),
    ).toMatchObject({
      code: 'ERR_EXPORT_MISSING',
      message: 'the module must export a function "tk_handle" of type () -> (i32); got (i32) -> ()',
    });
  });

  it('refuses a module that does not export its memory', () => {
    expect(
      refusal(wat('(module (memory 1) (func (export "tk_handle") (result i32) (i32.const 0)))')),
    ).toMatchObject({
      code: 'ERR_EXPORT_MISSING',
      message: 'the module must export its memory as "memory"',
    });
  });

  it('refuses a memory minimum over the limit, with both and the setting', () => {
    expect(refusal(guest({ pages: '2000' }))).toMatchObject({
      code: 'ERR_MEMORY_MINIMUM',
      message: 'the module starts with 2000 pages of memory; limits.memory_pages allows 1024',
    });
  });

  it('refuses a memory with 64-bit addresses, which the calls of the guest ABI could not point into', () => {
    const module = (limits: string): Uint8Array =>
      wat(
        `(module (memory (export "memory") ${limits}) (func (export "tk_handle") (result i32) (i32.const 0)))`,
      );
    for (const limits of ['i64 1', 'i64 1 2', 'i64 0 65536']) {
      const wide = module(limits);
      expect(WebAssembly.validate(wide as Uint8Array<ArrayBuffer>)).toBe(true);
      expect(refusal(wide)).toMatchObject({
        code: 'ERR_MODULE_UNSUPPORTED',
        message: 'expected a memory with 32-bit addresses, got one with 64-bit addresses',
      });
    }
    expect(admit(module('1'))).toMatchObject({ memoryMinPages: 1 });
  });

  it('refuses a second memory', () => {
    const two = binary(
      section(1, 1, 0x60, 0, 1, 0x7f),
      section(3, 1, 0),
      section(5, 2, 0, 1, 4, 1),
      section(7, 2, ...nameOf('memory'), 2, 0, ...nameOf('tk_handle'), 0, 0),
      section(10, 1, 4, 0, 0x41, 0, 0x0b),
    );
    expect(WebAssembly.validate(two)).toBe(true);
    expect(refusal(two)).toMatchObject({
      code: 'ERR_MODULE_UNSUPPORTED',
      message: 'expected one memory, got 2',
    });
  });

  it('clamps the maximum of a memory that declares none', () => {
    expect(admit(guest({ pages: '1' }), { ...DEFAULT_LIMITS, memory_pages: 7 })).toMatchObject({
      memoryMaxPages: 7,
    });
  });

  it('refuses a function body over the bound, with the bound', () => {
    const nops = '(nop)'.repeat(300_000);
    expect(refusal(guest({ fields: `(func ${nops})` }))).toMatchObject({
      code: 'ERR_MODULE_TOO_LARGE',
      message: expect.stringMatching(/^limit-function-body-bytes: .*at most 262144 allowed/),
    });
  });

  it('refuses threads, which the rewriter does not meter', () => {
    const shared = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 4, 1, 3, 1, 2);
    expect(refusal(shared)).toMatchObject({
      code: 'ERR_MODULE_UNSUPPORTED',
      details: { metering: 'unsupported-threads' },
    });
  });

  it.each([
    ['a memory with 64-bit addresses', '(memory (export "memory") i64 1)', /32-bit addresses/],
    ['two memories', '(memory (export "memory") 1) (memory 1)', /expected one memory, got 2/],
    [
      'no memory of its own',
      '(import "env" "memory" (memory 1)) (export "memory" (memory 0))',
      /env\.memory/,
    ],
  ])('refuses a module with %s', async (_, memory, message) => {
    const module = await parse(`(module ${memory} (func (export "tk_handle") (result i32) (i32.const 0)))`);
    expect(() => admit(module)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^ERR_(MODULE_UNSUPPORTED|IMPORT_UNKNOWN)$/),
        message: expect.stringMatching(message),
      }),
    );
  });
});
