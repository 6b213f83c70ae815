import type { Abi } from '../../../src/model/abi.ts';
import { answer, type ComponentParts } from '../../guests/component.ts';
import { plainGuest } from '../../guests/plain.ts';
import { guest } from '../../guests/wat.ts';

/** What a generated guest is made of. */
export interface GuestShape {
  readonly abi: Abi;
  readonly start: 'none' | 'writes' | 'grows' | 'calls the host' | 'writes the table' | 'traps' | 'spins';
  /** Whether its code holds instructions that write tables, and that use segments. */
  readonly writesTables: boolean;
  readonly usesSegments: boolean;
  readonly suspends: boolean;
  readonly pages: number;
}

/** What one call does after it has told its state; the number is the first byte of the input. */
export const DEEDS = [
  'nothing',
  'write a byte',
  'set the globals',
  'fill the memory',
  'grow the memory',
  'trap',
  'spin',
  'recurse',
  'fail',
  'write out of bounds',
  'return 7',
  'write the table',
  'grow the table',
  'drop the data',
  'use the data',
  'drop the elements',
  'use the elements',
  'call the host',
] as const;

/**
 * A guest that first writes a hash of all it can see (memory and its size, globals, table and its size) to its output,
 * and then does to its state what the input says: byte 0 is the deed, byte 1 its argument.
 */
export function stateGuest(shape: GuestShape): Uint8Array {
  return shape.abi === 'assemblyscript/1' ? plainStateGuest(shape) : coreStateGuest(shape);
}

function coreStateGuest(shape: GuestShape): Uint8Array {
  const { suspends } = shape;
  return guest({
    imports: [
      'input_len',
      'input_read',
      'output_write',
      'fail',
      ...(suspends ? (['http_request'] as const) : []),
    ],
    pages: `${shape.pages} 12`,
    fields: fieldsOf(shape, '(i32.store (i32.const 64) (call $input_len))'),
    body: `${LOCALS}
      (local.set $hash (call $hash))
      (call $input_read (i32.const 1024))
      (local.set $deed (i32.load8_u (i32.const 1024))) (local.set $arg (i32.load8_u (i32.const 1025)))
      ${digits('i32.store8', 1)}
      (call $output_write (i32.const 3072) (i32.const 16))
      ${deeds(shape)}
      ${when('fail', '(call $fail (i32.const 0) (i32.const 1))')}
      ${when('write out of bounds', '(call $output_write (i32.const -1) (i32.const 100))')}
      ${when('return 7', '(return (i32.const 7))')}
      ${suspends ? when('call the host', '(drop (call $http_request (i32.const 0) (i32.const 8)))') : ''}
      (i32.const 0)`,
  });
}

/** The same without host calls: its input and its output are string objects. */
function plainStateGuest(shape: GuestShape): Uint8Array {
  const abort = '(call $abort (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1))';
  return plainGuest({
    imports: '(import "env" "abort" (func $abort (param i32 i32 i32 i32)))',
    pages: `${shape.pages} 12`,
    fields: fieldsOf(shape, abort),
    handle: `${LOCALS}
      (local.set $hash (call $hash))
      (local.set $deed (i32.load16_u (local.get 0))) (local.set $arg (i32.load8_u offset=2 (local.get 0)))
      ${digits('i32.store16', 2)}
      (i32.store (i32.const 3064) (i32.const 2)) (i32.store (i32.const 3068) (i32.const 32))
      ${deeds(shape)}
      ${when('fail', abort)}
      ${when('write out of bounds', '(return (i32.const -8))')}
      ${when('return 7', '(return (i32.const 0))')}
      (i32.const 3072)`,
  });
}

/** The same as a component. */
export function componentStateGuest(shape: GuestShape): ComponentParts {
  const callsHost = '(call $config (i32.const 64))';
  return {
    imports: ['config'],
    pages: `${shape.pages} 12`,
    fields: fieldsOf(shape, callsHost),
    handle: `${LOCALS}
      (local.set $hash (call $hash))
      (local.set $deed (i32.load8_u (local.get 0))) (local.set $arg (i32.load8_u offset=1 (local.get 0)))
      ${digits('i32.store8', 1)}
      ${deeds(shape)}
      ${when('fail', '(i32.store8 (i32.const 2048) (i32.const 1)) (return (i32.const 2048))')}
      ${when('write out of bounds', '(return (i32.const -8))')}
      ${when('return 7', '(return (i32.const 7))')}
      ${when('call the host', callsHost)}
      ${answer('(i32.const 3072)', '(i32.const 16)')}`,
  };
}

const LOCALS = '(local $deed i32) (local $arg i32) (local $hash i64) (local $n i32)';

/** Writes the hash as 16 letters. */
function digits(store: string, width: number): string {
  return `(loop $digits
    (${store} (i32.add (i32.const 3072) (i32.mul (local.get $n) (i32.const ${width})))
      (i32.add (i32.const 97) (i32.wrap_i64 (i64.and (local.get $hash) (i64.const 15)))))
    (local.set $hash (i64.shr_u (local.get $hash) (i64.const 4)))
    (br_if $digits (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 16))))`;
}

function fieldsOf(shape: GuestShape, callsHost: string): string {
  return `
      (global $a (mut i32) (i32.const 7)) (global $b (mut i64) (i64.const -9))
      (global $c (mut f32) (f32.const 1.5)) (global $d (mut f64) (f64.const -0.0)) (global $k i32 (i32.const 3))
      (table $t 4 10 funcref) (elem (i32.const 1) $one $two) (elem $spare func $two)
      (data (i32.const 40000) "state") (data $late "later")
      (func $one (global.set $a (i32.add (global.get $a) (i32.const 1)))) (func $two)
      (func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
      (func $mix (param $hash i64) (param $value i64) (result i64)
        (i64.mul (i64.xor (local.get $hash) (local.get $value)) (i64.const 1099511628211)))
      ${hash()}
      ${start(shape.start, callsHost)}`;
}

/** What either kind can do to its state. */
function deeds({ writesTables, usesSegments }: GuestShape): string {
  return `${when('write a byte', '(i32.store8 (i32.mul (local.get $arg) (i32.const 250)) (i32.const 99))')}
    ${when(
      'set the globals',
      `(global.set $a (local.get $arg)) (global.set $b (i64.const 5))
      (global.set $c (f32.const nan)) (global.set $d (f64.const 12.25))`,
    )}
    ${when('fill the memory', '(memory.fill (i32.const 0) (local.get $arg) (i32.mul (memory.size) (i32.const 65536)))')}
    ${when('grow the memory', '(drop (memory.grow (i32.rem_u (local.get $arg) (i32.const 20))))')}
    ${when('trap', '(unreachable)')}
    ${when('spin', '(loop $again (br $again))')}
    ${when('recurse', '(drop (call $deep (i32.const 1)))')}
    ${writesTables ? when('write the table', '(table.set $t (i32.const 3) (ref.func $one))') : ''}
    ${writesTables ? when('grow the table', '(drop (table.grow $t (ref.null func) (i32.const 2)))') : ''}
    ${usesSegments ? when('drop the data', '(data.drop $late)') : ''}
    ${usesSegments ? when('use the data', '(memory.init $late (i32.const 9) (i32.const 0) (i32.const 5))') : ''}
    ${usesSegments ? when('drop the elements', '(elem.drop $spare)') : ''}
    ${usesSegments ? when('use the elements', '(table.init $t $spare (i32.const 0) (i32.const 0) (i32.const 1))') : ''}`;
}

function when(deed: (typeof DEEDS)[number], body: string): string {
  return `(if (i32.eq (local.get $deed) (i32.const ${DEEDS.indexOf(deed)})) (then ${body}))`;
}

/** Everything a guest can see, through its own instructions. */
function hash(): string {
  return `(func $hash (result i64) (local $at i32) (local $h i64)
    (local.set $h (i64.const -3750763034362895579))
    (loop $words
      (local.set $h (call $mix (local.get $h) (i64.load (local.get $at))))
      (br_if $words (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8)))
        (i32.mul (memory.size) (i32.const 65536)))))
    (local.set $h (call $mix (local.get $h) (i64.extend_i32_u (memory.size))))
    (local.set $h (call $mix (local.get $h) (i64.extend_i32_u (global.get $a))))
    (local.set $h (call $mix (local.get $h) (global.get $b)))
    (local.set $h (call $mix (local.get $h) (i64.extend_i32_u (i32.reinterpret_f32 (global.get $c)))))
    (local.set $h (call $mix (local.get $h) (i64.reinterpret_f64 (global.get $d))))
    (local.set $at (i32.const 0))
    (loop $elements
      (local.set $h (call $mix (local.get $h)
        (i64.extend_i32_u (ref.is_null (table.get $t (local.get $at))))))
      (br_if $elements (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (table.size $t))))
    (call $mix (local.get $h) (i64.extend_i32_u (table.size $t))))`;
}

function start(kind: GuestShape['start'], callsHost: string): string {
  const bodies: Record<GuestShape['start'], string> = {
    none: '',
    writes: `(memory.fill (i32.const 20000) (i32.const 3) (i32.const 3000)) (i32.store (i32.const 64) (i32.const -1))
      (global.set $b (i64.const 0x7fffffffffffffff)) (global.set $d (f64.const 0.1))`,
    grows: '(drop (memory.grow (i32.const 2))) (i64.store (i32.const 131000) (i64.const -2)) (call $one)',
    'calls the host': callsHost,
    'writes the table': '(table.set $t (i32.const 3) (ref.func $two))',
    traps: '(i32.store (i32.const -4) (i32.const 1))',
    spins: '(loop $again (br $again))',
  };
  return kind === 'none' ? '' : `(func $start ${bodies[kind]}) (start $start)`;
}
