import { readFileSync } from 'node:fs';

/** The world of handlers, as it is published. */
export const WIT = readFileSync(new URL('../../../wit/handler.wit', import.meta.url), 'utf8');

/** Functions of `tasker:catalog` as the canonical ABI has them in a core module. */
const IMPORTS = {
  config: '(import "tasker:catalog/documents@0.1.0" "config" (func $config (param i32)))',
  facts: '(import "tasker:catalog/documents@0.1.0" "facts" (func $facts (param i32)))',
  log: '(import "tasker:catalog/log@0.1.0" "log" (func $log (param i32 i32 i32)))',
  now: '(import "tasker:catalog/time@0.1.0" "now" (func $now (result f64)))',
  bytes: '(import "tasker:catalog/random@0.1.0" "bytes" (func $bytes (param i32 i32)))',
  request: '(import "tasker:catalog/http@0.1.0" "request" (func $request (param i32 i32 i32 i32 i32)))',
  read: '(import "tasker:catalog/secrets@0.1.0" "read" (func $read (param i32 i32 i32)))',
  get: '(import "tasker:catalog/cache@0.1.0" "get" (func $get (param i32 i32 i32)))',
  put: '(import "tasker:catalog/cache@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32 i32)))',
  checkpoint: '(import "tasker:catalog/checkpoints@0.1.0" "checkpoint" (func $checkpoint (param i32 i32)))',
  wait: '(import "tasker:catalog/waiting@0.1.0" "wait" (func $wait (param i32 i32)))',
} as const;

export interface ComponentParts {
  readonly imports?: readonly (keyof typeof IMPORTS)[];
  /** Imports of another world, as WAT. */
  readonly foreign?: string;
  readonly pages?: string;
  readonly fields?: string;
  /** Body of `cabi_realloc(old, old size, align, size) -> pointer`. Default: bumps a pointer. */
  readonly realloc?: string;
  /** Body of `handle(pointer, length) -> pointer to the result`. Default: hands its input back. */
  readonly handle?: string;
  /** The world to embed. Default: the published one. */
  readonly wit?: string;
}

const REALLOC = `(local $at i32)
  (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
  (global.set $next (i32.add (local.get $at) (local.get 3)))
  (local.get $at)`;

/** Answers `ok` with the text at (start, length). */
export function answer(start: string, length: string): string {
  return `(i32.store8 (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) ${start})
    (i32.store (i32.const 24) ${length}) (i32.const 16)`;
}

/** The one core module of a component, as WebAssembly text. */
export function coreText({
  imports = [],
  foreign = '',
  pages = '1',
  fields = '',
  realloc = REALLOC,
  handle = answer('(local.get 0)', '(local.get 1)'),
}: ComponentParts): string {
  return `(module ${foreign} ${imports.map((name) => IMPORTS[name]).join('\n')}
    (memory (export "memory") ${pages})
    (global $next (mut i32) (i32.const 4096))
    ${fields}
    (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${realloc})
    (func (export "handle") (param i32 i32) (result i32) ${handle}))`;
}

/** Built-in functions of the component model, as a core module sees them. */
export interface BuiltIn {
  /** `canon …` behind the name; `$mem` is the memory, `$thing` a resource type. */
  readonly canon: string;
  /** Its type in the core module. */
  readonly type: string;
}

/** A component of the world, written out as text, whose main core module has built-in functions and runs `body` before its echo. */
export function componentText(
  builtIns: Readonly<Record<string, BuiltIn>>,
  body: string,
  fields = '',
): string {
  const names = Object.entries(builtIns);
  return `(component
    (type $types (instance
      (type $r (record (field "code" string) (field "message" string) (field "retryable" bool)
        (field "retry-after-ms" (option u32))))
      (export "error" (type (eq $r)))))
    (import "tasker:catalog/types@0.1.0" (instance $t (type $types)))
    (alias export $t "error" (type $imported))
    (import "error" (type $error (eq $imported)))
    (type $thing (resource (rep i32)))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $mem))
    ${fields}
    ${names.map(([name, { canon }]) => `(core func $${name} (canon ${canon}))`).join('\n')}
    (core module $main
      ${names.map(([name, { type }]) => `(import "" "${name}" (func $${name} ${type}))`).join('\n')}
      (import "libc" "memory" (memory 1))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "handle") (param i32 i32) (result i32)
        ${body} ${answer('(local.get 0)', '(local.get 1)')}))
    (core instance $i (instantiate $main
      (with "" (instance ${names.map(([name]) => `(export "${name}" (func $${name}))`).join(' ')}))
      (with "libc" (instance $libc))))
    (alias core export $i "cabi_realloc" (core func $realloc))
    (func $handle (param "input" string) (result (result string (error $error)))
      (canon lift (core func $i "handle") (memory $mem) (realloc $realloc)))
    (export "handle" (func $handle)))`;
}
