import wabtInit from 'wabt';

const wabt = await wabtInit();

/** Compiles a module from text; hostile guests are written in the tests that use them. */
export function wat(text: string): Uint8Array {
  const module = wabt.parseWat('guest.wat', text, {
    bulk_memory: true,
    multi_value: true,
    reference_types: true,
    memory64: true,
  });
  try {
    module.resolveNames();
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** Imports of the guest ABI, as WAT lines; a module lists those it uses. */
export const IMPORTS = {
  input_len: '(import "tasker" "input_len" (func $input_len (result i32)))',
  input_read: '(import "tasker" "input_read" (func $input_read (param i32)))',
  config_len: '(import "tasker" "config_len" (func $config_len (result i32)))',
  config_read: '(import "tasker" "config_read" (func $config_read (param i32)))',
  output_write: '(import "tasker" "output_write" (func $output_write (param i32 i32)))',
  fail: '(import "tasker" "fail" (func $fail (param i32 i32)))',
  step_len: '(import "tasker" "step_len" (func $step_len (result i32)))',
  step_read: '(import "tasker" "step_read" (func $step_read (param i32)))',
  checkpoint: '(import "tasker" "checkpoint" (func $checkpoint (param i32 i32)))',
  wait: '(import "tasker" "wait" (func $wait (param i32 i32)))',
  log: '(import "tasker" "log" (func $log (param i32 i32 i32)))',
  get_time: '(import "tasker" "get_time" (func $get_time (result f64)))',
  http_request: '(import "tasker" "http_request" (func $http_request (param i32 i32) (result i32)))',
  secret_read: '(import "tasker" "secret_read" (func $secret_read (param i32 i32) (result i32)))',
  random_bytes: '(import "tasker" "random_bytes" (func $random_bytes (param i32 i32)))',
  regex_match: '(import "tasker" "regex_match" (func $regex_match (param i32 i32) (result i32)))',
  cache_get: '(import "tasker" "cache_get" (func $cache_get (param i32 i32) (result i32)))',
  cache_put: '(import "tasker" "cache_put" (func $cache_put (param i32 i32) (result i32)))',
  result_len: '(import "tasker" "result_len" (func $result_len (result i32)))',
  result_read: '(import "tasker" "result_read" (func $result_read (param i32)))',
} as const;
export type ImportName = keyof typeof IMPORTS;

export interface GuestParts {
  readonly imports?: readonly ImportName[];
  /** `(memory …)` without its export; default one page. */
  readonly pages?: string;
  /** Other fields of the module. */
  readonly fields?: string;
  /** Body of `tk_handle`, which returns i32. Default: write the JSON text `1` and return 0. */
  readonly body?: string;
}

/** A module that keeps to the ABI but for what a test puts into it. */
export function guest({ imports = [], pages = '1', fields = '', body }: GuestParts): Uint8Array {
  const used = new Set<ImportName>(body === undefined ? [...imports, 'output_write'] : imports);
  return wat(`(module ${[...used].map((name) => IMPORTS[name]).join('\n')}
    (memory (export "memory") ${pages})
    (data (i32.const 0) "1")
    ${fields}
    (func (export "tk_handle") (result i32)
      ${body ?? '(call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)'}))`);
}

/** A data segment with `text` at `address`, and what a guest passes to point at it. */
export function text(address: number, content: string): { readonly field: string; readonly args: string } {
  const bytes = [...Buffer.from(content)];
  const escaped = bytes.map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  return {
    field: `(data (i32.const ${address}) "${escaped}")`,
    args: `(i32.const ${address}) (i32.const ${bytes.length})`,
  };
}

/** Copies its input to its output. */
export const ECHO = guest({
  imports: ['input_len', 'input_read', 'output_write'],
  pages: '1 64',
  fields: `(func $fit (param $bytes i32)
      (if (i32.gt_u (local.get $bytes) (i32.mul (memory.size) (i32.const 65536)))
        (then (drop (memory.grow (i32.shr_u (local.get $bytes) (i32.const 16)))))))`,
  body: `(call $fit (call $input_len))
    (call $input_read (i32.const 0))
    (call $output_write (i32.const 0) (call $input_len))
    (i32.const 0)`,
});

/** Never returns. */
export const ENDLESS = guest({ body: '(loop $again (br $again)) (i32.const 0)' });
