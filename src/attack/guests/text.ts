import { ABI_ENTRY, ABI_IMPORTS, ABI_MEMORY } from '../../model/abi.ts';

/** Functions of the guest ABI that a module in text can import. */
export type ImportName =
  | 'input_len'
  | 'input_read'
  | 'config_len'
  | 'config_read'
  | 'step_len'
  | 'step_read'
  | 'output_write'
  | 'fail'
  | 'checkpoint'
  | 'wait'
  | 'result_len'
  | 'result_read'
  | 'log'
  | 'get_time'
  | 'random_bytes'
  | 'regex_match'
  | 'http_request'
  | 'secret_read'
  | 'cache_get'
  | 'cache_put';

export interface GuestParts {
  readonly imports?: readonly ImportName[];
  /** `(memory …)` without its export; default one page. */
  readonly pages?: string;
  /** Other fields of the module. */
  readonly fields?: string;
  /** Body of `tk_handle`, which returns i32. Default: write the JSON text `1` and return 0. */
  readonly body?: string;
}

const WRITE_ONE = '(call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)';

/** A module that keeps to the ABI but for what is put into it, as WebAssembly text. The byte `1` stands at address 0. */
export function guestText({ imports = [], pages = '1', fields = '', body }: GuestParts): string {
  const used = new Set<ImportName>(body === undefined ? [...imports, 'output_write'] : imports);
  return `(module ${[...used].map(importText).join('\n')}
    (memory (export "${ABI_MEMORY}") ${pages})
    (data (i32.const 0) "1")
    ${fields}
    (func (export "${ABI_ENTRY}") (result i32)
      ${body ?? WRITE_ONE}))`;
}

function importText(name: ImportName): string {
  const found = ABI_IMPORTS.find((each) => each.module === 'tasker' && each.name === name);
  const params = found?.params.length ? ` (param ${found.params.join(' ')})` : '';
  const results = found?.results.length ? ` (result ${found.results.join(' ')})` : '';
  return `(import "tasker" "${name}" (func $${name}${params}${results}))`;
}

/** A data segment with `content` at `address`, and what a guest passes to point at it. */
export function dataText(
  address: number,
  content: string | Uint8Array,
): { readonly field: string; readonly args: string } {
  const bytes = typeof content === 'string' ? [...Buffer.from(content)] : [...content];
  const escaped = bytes.map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  return {
    field: `(data (i32.const ${address}) "${escaped}")`,
    args: `(i32.const ${address}) (i32.const ${bytes.length})`,
  };
}

/** What a call that leaves the sandbox takes: `u32 head length | head | body`. */
export function frameOf(head: object, body = ''): Uint8Array {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.byteLength);
  return Buffer.concat([length, text, Buffer.from(body)]);
}

/** Copies its input to its output. */
export const ECHO_TEXT = guestText({
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
