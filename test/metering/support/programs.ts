import { wat } from './compile.ts';
import type { Argument } from './run.ts';

/** A module and calls of its exports, for tests that compare metered with plain and with the oracle. */
export interface Program {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly calls: readonly (readonly [name: string, ...args: Argument[]])[];
}

const program = (name: string, text: string, ...calls: Program['calls'][number][]): Program => ({
  name,
  bytes: wat(`(module (memory (export "memory") 1 3) ${text})`),
  calls,
});

/** Control flow in every shape that matters for charging. Results and memory depend on the path taken. */
export const PROGRAMS: readonly Program[] = [
  program(
    'recursion',
    `(func $fib (export "fib") (param i32) (result i32)
       (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
         (then (local.get 0))
         (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))`,
    ['fib', 9],
    ['fib', 0],
  ),
  program(
    'nested loops with stores',
    `(func (export "fill") (param $n i32) (result i32) (local $i i32) (local $j i32)
       (loop $outer
         (local.set $j (i32.const 0))
         (loop $inner
           (i32.store8 (i32.add (i32.mul (local.get $i) (i32.const 16)) (local.get $j))
                       (i32.xor (local.get $i) (local.get $j)))
           (local.set $j (i32.add (local.get $j) (i32.const 1)))
           (br_if $inner (i32.lt_u (local.get $j) (local.get $n))))
         (local.set $i (i32.add (local.get $i) (i32.const 1)))
         (br_if $outer (i32.lt_u (local.get $i) (local.get $n))))
       (i32.load (i32.const 16)))`,
    ['fill', 5],
    ['fill', 1],
  ),
  program(
    'br_table interpreter',
    `(data (i32.const 100) "\\00\\01\\02\\00\\03\\07\\01\\04")
     (func (export "run") (param $steps i32) (result i64) (local $pc i32) (local $acc i64)
       (block $done
         (loop $next
           (br_if $done (i32.ge_u (local.get $pc) (local.get $steps)))
           (block $default (block $three (block $two (block $one (block $zero
             (br_table $zero $one $two $three $default
               (i32.load8_u (i32.add (i32.const 100) (i32.and (local.get $pc) (i32.const 7))))))
             (local.set $acc (i64.add (local.get $acc) (i64.const 3))) (br $default))
             (local.set $acc (i64.mul (local.get $acc) (i64.const 5))))
             (local.set $acc (i64.sub (local.get $acc) (i64.const 1))) (br $default))
             (local.set $acc (i64.div_s (local.get $acc) (i64.const 2))))
           (local.set $pc (i32.add (local.get $pc) (i32.const 1)))
           (i64.store (i32.const 8) (local.get $acc))
           (br $next)))
       (local.get $acc))`,
    ['run', 25],
    ['run', 0],
  ),
  program(
    'early returns and branches out of several blocks',
    `(func (export "pick") (param i32) (result i32)
       (block $a (result i32)
         (block $b (result i32)
           (block $c
             (br_if $c (i32.eqz (local.get 0)))
             (if (i32.eq (local.get 0) (i32.const 1)) (then (return (i32.const 11))))
             (drop (br_if $b (i32.const 22) (i32.eq (local.get 0) (i32.const 2))))
             (if (i32.eq (local.get 0) (i32.const 3)) (then (br $a (i32.const 33))) (else nop))
             (drop (br_if 3 (i32.const 44) (i32.eq (local.get 0) (i32.const 4)))))
           (i32.store (i32.const 0) (i32.const 7))
           (i32.const 55))
         (i32.add (i32.const 1)))
       (i32.add (i32.const 100)))`,
    ['pick', 0],
    ['pick', 1],
    ['pick', 2],
    ['pick', 3],
    ['pick', 4],
    ['pick', 5],
  ),
  program(
    'indirect calls',
    `(type $op (func (param i32) (result i32)))
     (table 4 funcref) (elem (i32.const 0) $double $square $other)
     (func $double (type $op) (i32.mul (local.get 0) (i32.const 2)))
     (func $square (type $op) (i32.mul (local.get 0) (local.get 0)))
     (func $other (param i64))
     (func (export "apply") (param $slot i32) (param $times i32) (result i32) (local $x i32)
       (local.set $x (i32.const 3))
       (loop $again
         (local.set $x (call_indirect (type $op) (local.get $x) (local.get $slot)))
         (i32.store (i32.const 4) (local.get $x))
         (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
       (local.get $x))`,
    ['apply', 0, 4],
    ['apply', 1, 2],
    ['apply', 2, 1],
    ['apply', 3, 1],
    ['apply', 9, 1],
  ),
  program(
    'several results and block parameters',
    `(func $swap (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
     (func (export "mix") (param i32) (result i32 i64 i32)
       (if (i32.eqz (local.get 0)) (then (return (i32.const 1) (i64.const 2) (i32.const 3))))
       (local.get 0)
       (call $swap (local.get 0) (i64.const 9))
       (block (param i32 i64 i32) (result i32 i64 i32)
         (br_if 1 (i32.gt_s (local.get 0) (i32.const 7)))
         (loop (param i32) (result i32)
           (local.tee 0 (i32.sub (i32.const 1)))
           (br_if 0 (i32.gt_s (local.get 0) (i32.const 2))))))`,
    ['mix', 0],
    ['mix', 5],
    ['mix', 9],
  ),
  program(
    'code that cannot be reached',
    `(func $helper (result i32) (i32.const 4))
     (func (export "dead") (param i32) (result i32)
       (block $out (result i32)
         (if (local.get 0) (then (br $out (i32.const 1)) (drop (call $helper)) (loop (br 0))))
         (block (br 0) (i32.store (i32.const 0) (call $helper)) (unreachable) (i32.add) (drop))
         (br $out (i32.const 2))
         (return (select (call $helper)))
         (if (result i32) (then (unreachable)) (else (i32.const 5)))))
     (func (export "trap") (param i32) (result i32)
       (i32.store (i32.const 8) (i32.const 1))
       (if (local.get 0) (then (unreachable)))
       (i32.const 3))`,
    ['dead', 0],
    ['dead', 1],
    ['trap', 0],
    ['trap', 1],
  ),
  program(
    'bulk operations and growth',
    `(func (export "move") (param $n i32) (result i32)
       (memory.fill (i32.const 10) (i32.const 0x41) (local.get $n))
       (i32.store8 (i32.const 10) (i32.const 0x42))
       (memory.copy (i32.const 11) (i32.const 10) (local.get $n))
       (memory.copy (i32.const 10) (i32.const 12) (local.get $n))
       (i32.load (i32.const 10)))
     (func (export "grow") (param i32) (result i32)
       (i32.add (memory.grow (local.get 0)) (i32.mul (memory.size) (i32.const 1000))))`,
    ['move', 0],
    ['move', 33],
    ['move', -1],
    ['grow', 0],
    ['grow', 2],
    ['grow', 3],
    ['grow', -1],
  ),
  program(
    'many locals, globals and floats',
    `(global $g (mut i64) (i64.const 5))
     (func $heavy (param f64) (result f64) (local i32 i32 i32 i64 f32 f64 i32 i32 i32)
       (local.set 6 (f64.sqrt (f64.div (local.get 0) (f64.const 3))))
       (global.set $g (i64.rem_s (i64.mul (global.get $g) (i64.const 77)) (i64.const 1001)))
       (f64.add (local.get 6) (f64.convert_i64_s (global.get $g))))
     (func (export "sum") (param $n i32) (result f64) (local $t f64)
       (block $stop (loop $go
         (br_if $stop (i32.eqz (local.get $n)))
         (local.set $t (f64.add (local.get $t) (call $heavy (f64.convert_i32_u (local.get $n)))))
         (f64.store (i32.const 16) (local.get $t))
         (local.set $n (i32.sub (local.get $n) (i32.const 1)))
         (br $go)))
       (local.get $t))`,
    ['sum', 6],
    ['sum', 0],
  ),
  program(
    'tail calls',
    `(func $even (export "even") (param i32) (result i32)
       (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
       (i32.store (i32.const 0) (local.get 0))
       (return_call $odd (i32.sub (local.get 0) (i32.const 1))))
     (func $odd (param i32) (result i32)
       (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
       (return_call $even (i32.sub (local.get 0) (i32.const 1))))
     (func (export "both") (param i32) (result i32)
       (i32.add (call $even (local.get 0)) (call $odd (local.get 0))))`,
    ['even', 10],
    ['even', 7],
    ['both', 6],
  ),
];
