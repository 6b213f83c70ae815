/** The parts of a plain AssemblyScript module that somebody replaces; left out, they are as the compiler's runtime has them. */
export interface PlainParts {
  /** Body of `__new(size, id) -> pointer`. Default: bumps a pointer and writes the header. */
  readonly allocate?: string;
  /** Body of `handle(input) -> pointer`. Default: hands its input back. */
  readonly handle?: string;
  readonly fields?: string;
  readonly imports?: string;
  readonly pages?: string;
}

const ALLOCATE = `(local $at i32)
  (local.set $at (i32.add (global.get $next) (i32.const 16)))
  (i32.store (i32.sub (local.get $at) (i32.const 8)) (local.get 1))
  (i32.store (i32.sub (local.get $at) (i32.const 4)) (local.get 0))
  (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get 0)) (i32.const 15)) (i32.const -16)))
  (local.get $at)`;

/** A module as WebAssembly text, in the shape that `asc --exportRuntime` gives to `export function handle(input: string): string`. */
export function plainText({
  allocate = ALLOCATE,
  handle = '(local.get 0)',
  fields = '',
  imports = '',
  pages = '1 8',
}: PlainParts): string {
  return `(module ${imports}
    (memory (export "memory") ${pages})
    (global $next (mut i32) (i32.const 1024))
    (global (export "__rtti_base") i32 (i32.const 512))
    ${fields}
    (func (export "__new") (param i32 i32) (result i32) ${allocate})
    (func (export "__pin") (param i32) (result i32) (local.get 0))
    (func (export "__unpin") (param i32))
    (func (export "__collect"))
    (func (export "handle") (param i32) (result i32) ${handle}))`;
}

/** A string object: its header before the address, its units behind it. */
export function stringAt(address: number, text: string, size = text.length * 2): string {
  const bytes = Buffer.alloc(8 + text.length * 2);
  bytes.writeUInt32LE(2, 0);
  bytes.writeUInt32LE(size >>> 0, 4);
  bytes.write(text, 8, 'utf16le');
  const escaped = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  return `(data (i32.const ${address - 8}) "${escaped}")`;
}
