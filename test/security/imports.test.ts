import { describe, expect, it } from 'vitest';
import { admitArtifact } from '../../src/catalog/admit.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { ECHO, guest, wat } from '../guests/wat.ts';

const admit = (bytes: Uint8Array) => admitArtifact(bytes, null, DEFAULT_LIMITS);
const refusal = (bytes: Uint8Array): { code: string; message: string } => {
  try {
    admit(bytes);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('the module was admitted');
};

describe('a module that reaches for the host', () => {
  it.each([
    ['the clock', '(import "env" "Date.now" (func (result f64)))', 'env.Date.now'],
    ['randomness', '(import "env" "seed" (func (result f64)))', 'env.seed'],
    [
      'the filesystem',
      '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
      'wasi_snapshot_preview1.fd_write',
    ],
    ['eval', '(import "env" "eval" (func (param i32) (result i32)))', 'env.eval'],
    [
      'a host call that does not exist',
      '(import "tasker" "sql" (func (param i32 i32) (result i32)))',
      'tasker.sql',
    ],
    ['a memory of the host', '(import "host" "memory" (memory 1))', 'host.memory'],
    ['a table of the host', '(import "tasker" "table" (table 1 funcref))', 'tasker.table'],
    ['the prototype chain', '(import "tasker" "__proto__" (func))', 'tasker.__proto__'],
  ])('for %s is refused by name', (_what, line, name) => {
    const module = wat(
      `(module ${line} ${line.includes('memory') ? '(export "memory" (memory 0))' : '(memory (export "memory") 1)'} (func (export "tk_handle") (result i32) (i32.const 0)))`,
    );
    expect(refusal(module)).toMatchObject({
      code: 'ERR_IMPORT_UNKNOWN',
      message: `unknown import ${name}; a module may import only the functions of the guest ABI (docs/abi.md)`,
    });
  });

  it('with a known name and another signature is refused with both', () => {
    const module = wat(`(module (import "tasker" "input_len" (func (param i64) (result i64)))
      (memory (export "memory") 1) (func (export "tk_handle") (result i32) (i32.const 0)))`);
    expect(refusal(module)).toMatchObject({
      code: 'ERR_IMPORT_UNKNOWN',
      message: 'import tasker.input_len: expected () -> (i32), got (i64) -> (i64)',
    });
  });

  it('keeps none of its exports but its entry, whatever they are called', () => {
    const module = guest({
      fields:
        '(func (export "constructor#get:isAdmin") (result i32) (i32.const 1)) (func (export "__proto__"))',
    });
    const names = WebAssembly.Module.exports(admit(module).module).map(({ name }) => name);
    expect(names.filter((name) => !name.startsWith('metering:')).sort()).toEqual(['tk_handle']);
  });

  it('cannot name an export like the counters', () => {
    const module = guest({ fields: '(global (export "metering:fuel") (mut i64) (i64.const 1))' });
    const exports = WebAssembly.Module.exports(admit(module).module).filter(
      ({ name }) => name === 'metering:fuel',
    );
    expect(exports).toHaveLength(1);
    expect(admit(ECHO).capabilities).toEqual([]);
  });
});
