import { guest, text } from './wat.ts';

/** Asks to go on at cursor 1, then 2, then 3 (found in what it reads of its step); then writes its step as output. */
export const COUNTER = (() => {
  const requests = [1, 2, 3].map((cursor) =>
    text(100 * cursor, JSON.stringify({ cursor, items_processed: cursor * 10 })),
  );
  const mark = (cursor: number) => text(1000 + 20 * cursor, `"cursor":${cursor}`);
  return guest({
    imports: ['step_len', 'step_read', 'checkpoint', 'output_write'],
    fields: `${requests.map(({ field }) => field).join('')} ${[1, 2, 3].map((n) => mark(n).field).join('')}
      (func $at (param $mark i32) (result i32) (local $i i32) (local $j i32)
        (block $no (loop $next
          (br_if $no (i32.gt_u (local.get $i) (call $step_len)))
          (local.set $j (i32.const 0))
          (block $differs (loop $same
            (br_if $differs (i32.ne
              (i32.load8_u (i32.add (i32.const 4096) (i32.add (local.get $i) (local.get $j))))
              (i32.load8_u (i32.add (local.get $mark) (local.get $j)))))
            (local.set $j (i32.add (local.get $j) (i32.const 1)))
            (if (i32.eq (local.get $j) (i32.const 10)) (then (return (i32.const 1))))
            (br $same)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next)))
        (i32.const 0))`,
    body: `(call $step_read (i32.const 4096))
      (if (i32.eqz (i32.or (call $at (i32.const 1020)) (i32.or (call $at (i32.const 1040)) (call $at (i32.const 1060)))))
        (then (call $checkpoint ${requests[0]?.args}) (unreachable)))
      (if (call $at (i32.const 1020)) (then (call $checkpoint ${requests[1]?.args}) (unreachable)))
      (if (call $at (i32.const 1040)) (then (call $checkpoint ${requests[2]?.args}) (unreachable)))
      (call $output_write (i32.const 4096) (call $step_len)) (i32.const 0)`,
  });
})();
