import { guestText } from './text.ts';

/** Fails unless memory beyond its own byte, a global, the table and the memory's size are as a new instance has them. */
export const INSPECTOR = guestText({
  imports: ['output_write'],
  pages: '1 16',
  fields: `(table $t 2 8 funcref) (global $g (mut i32) (i32.const 5)) (func $f) (elem (i32.const 0) $f)`,
  body: `(local $at i32)
    (if (i32.ne (memory.size) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (table.size $t) (i32.const 2)) (then (unreachable)))
    (if (i32.eqz (ref.is_null (table.get $t (i32.const 1)))) (then (unreachable)))
    (if (i32.ne (global.get $g) (i32.const 5)) (then (unreachable)))
    (local.set $at (i32.const 1))
    (loop $next
      (if (i32.load8_u (local.get $at)) (then (unreachable)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 65536))))
    (global.set $g (i32.const 6))
    (table.set $t (i32.const 1) (table.get $t (i32.const 0)))
    (drop (table.grow $t (ref.null func) (i32.const 2)))
    (memory.fill (i32.const 1) (i32.const 255) (i32.const 65535))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});

/** The same without a table, so that its instance is kept and put back instead of made anew. */
export const KEPT_INSPECTOR = guestText({
  imports: ['output_write'],
  pages: '1 16',
  fields: '(global $g (mut i32) (i32.const 5)) (data (i32.const 100) "mine")',
  body: `(local $at i32)
    (if (i32.ne (global.get $g) (i32.const 5)) (then (unreachable)))
    (if (i32.ne (i32.load (i32.const 100)) (i32.const 0x656e696d)) (then (unreachable)))
    (local.set $at (i32.const 104))
    (loop $next
      (if (i32.load8_u (local.get $at)) (then (unreachable)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 65536))))
    (global.set $g (i32.const 6))
    (memory.fill (i32.const 1) (i32.const 255) (i32.const 65535))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});
