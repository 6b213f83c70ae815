import { readFileSync } from 'node:fs';
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { wat } from './wat.ts';

export const WIT = readFileSync(new URL('../../wit/handler.wit', import.meta.url), 'utf8');

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

/** A component of the world in wit/handler.wit, around one core module. */
export async function componentGuest(parts: ComponentParts): Promise<Uint8Array> {
  const embedded = await componentEmbed({
    binary: coreOf(parts),
    witSource: parts.wit ?? WIT,
    world: 'handler',
    stringEncoding: 'utf8',
  });
  return new Uint8Array(await componentNew(embedded, []));
}

function coreOf({
  imports = [],
  foreign = '',
  pages = '1',
  fields = '',
  realloc = REALLOC,
  handle = answer('(local.get 0)', '(local.get 1)'),
}: ComponentParts): Uint8Array {
  return wat(`(module ${foreign} ${imports.map((name) => IMPORTS[name]).join('\n')}
    (memory (export "memory") ${pages})
    (global $next (mut i32) (i32.const 4096))
    ${fields}
    (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${realloc})
    (func (export "handle") (param i32 i32) (result i32) ${handle}))`);
}
