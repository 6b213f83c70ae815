/**
 * Every code a `MeteringError` can carry, with its meaning. Codes are stable: match on `code`, never on a message.
 * `malformed-*`: the bytes are not a module. `unsupported-*`: a feature that is not metered. `limit-*`: an admission
 * bound (`limits.ts`), which the caller can set. `conflict-*`: the module and the request do not fit each other.
 */
export const METERING_ERROR_CODES = Object.freeze({
  'invalid-argument':
    'an argument of the call itself is wrong (not a Uint8Array, a bound that is not a whole number)',

  'malformed-header': 'not a WebAssembly 1 core module (magic number or version)',
  'malformed-truncated': 'a section, body, vector or immediate goes past the end of what contains it',
  'malformed-leb': 'a LEB128 number is longer than its type allows or has bits beyond it',
  'malformed-utf8': 'a name is not UTF-8',
  'malformed-section':
    'sections out of order, repeated, unknown, of the wrong size, or disagreeing on a count',
  'malformed-type': 'a byte that is no type, limits or mutability where one is expected',
  'malformed-index': 'an index outside its index space',
  'malformed-export': 'two exports of one name',
  'malformed-constant': 'a constant expression with an instruction that is not constant',
  'malformed-opcode': 'an opcode that no known version of WebAssembly has',
  'malformed-body': 'unbalanced blocks, a branch past the function, or operands that are not there',

  'unsupported-component': 'a component; its core modules are metered one by one',
  'unsupported-threads': 'shared memories and atomic instructions (their results depend on timing)',
  'unsupported-relaxed-simd': 'relaxed SIMD (its results depend on the processor)',
  'unsupported-gc': 'garbage-collected types: structs, arrays, recursion groups, typed references',
  'unsupported-function-references': 'call_ref, br_on_null and tables with an initial value',
  'unsupported-stack-switching': 'continuations: cont types, suspend, resume',
  'unsupported-mixed-exceptions':
    'old and new exceptions in one module (engines notice only in one of their compiler threads)',
  'unsupported-page-size': 'memories with a custom page size',

  'limit-module-bytes': 'the module is too large',
  'limit-function-body-bytes': 'the body of a function is too large',
  'limit-types': 'too many types',
  'limit-signature': 'too many parameters or results in one type',
  'limit-imports': 'too many imports',
  'limit-functions': 'too many functions, imported ones included',
  'limit-tables': 'too many tables, imported ones included',
  'limit-memories': 'too many memories, imported ones included',
  'limit-globals': 'too many globals, imported ones included',
  'limit-tags': 'too many tags, imported ones included',
  'limit-exports': 'too many exports',
  'limit-memory-min-pages': 'the memories start with too many pages together',
  'limit-memory-max-pages': 'the memories may grow to too many pages together',
  'limit-table-min-elements': 'the tables start with too many elements together',
  'limit-table-max-elements': 'the tables may grow to too many elements together',
  'limit-data-segments': 'too many data segments',
  'limit-data-bytes': 'the data segments are too large together',
  'limit-element-segments': 'too many element segments',
  'limit-element-items': 'the element segments have too many items together',
  'limit-locals': 'too many parameters and locals in one function',
  'limit-nesting': 'blocks are nested too deeply',
  'limit-operands': 'the operand stack of a function is too tall',
  'limit-branch-targets': 'a br_table has too many targets',

  'conflict-reserved-export': 'the module exports a name that metering reserves',
  'conflict-reserved-import': 'the module imports from the module that shared counters come from',
  'conflict-memory': 'the module does not have exactly one memory of its own to turn into an import',
});

export type MeteringErrorCode = keyof typeof METERING_ERROR_CODES;

/** The only exception of this package. `offset` is the byte in the given module where the fault was seen. */
export class MeteringError extends Error {
  override readonly name = 'MeteringError';
  readonly code: MeteringErrorCode;
  readonly offset: number | undefined;

  constructor(code: MeteringErrorCode, message: string, offset?: number) {
    super(offset === undefined ? message : `${message} (at byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
