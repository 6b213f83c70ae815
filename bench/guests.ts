import { guest } from '../test/guests/wat.ts';

/** The echo of test/guests with code in it that could write its table, so that every invocation has a fresh instance. */
export const ECHO_FRESH = guest({
  imports: ['input_len', 'input_read', 'output_write'],
  fields:
    '(table 1 1 funcref) (func $f) (elem declare func $f) (func (table.set (i32.const 0) (ref.func $f)))',
  body: '(call $input_read (i32.const 0)) (call $output_write (i32.const 0) (call $input_len)) (i32.const 0)',
});

/** Counts to a million; then writes `1`. */
export const COUNTING = guest({
  imports: ['output_write'],
  body: `(local $n i32)
    (loop $next (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000000))))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});
