import { guest } from './wat.ts';

/** Fills the JavaScript heap of its lane with log lines until the thread dies, unless its input is `"spare"`. */
export const HEAP_BOMB = guest({
  imports: ['log', 'input_len', 'output_write'],
  body: `(if (i32.ne (call $input_len) (i32.const 7)) (then
      (loop $again (call $log (i32.const 1) (i32.const 0) (i32.const 16000)) (br $again))))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});
export const BOMB_LIMITS = { log_lines: 50_000_000, log_bytes: 500_000_000, fuel: 20_000_000_000 };
export const LOG_GRANT = { capability: 'log' } as const;
