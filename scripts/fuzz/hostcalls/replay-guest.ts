import { dataText, frameOf, guestText, type ImportName } from '../../../src/attack/guests/text.ts';

/*
 * A guest that replays what its input says: a JSON string of calls, each as two hexadecimal digits of a number and three
 * times eight of arguments. The script lies in the first page; what the calls point at and write to, behind it.
 */

/** What a script can do, by number; the last two are the guest's own. */
export const OPERATIONS = [
  'input_len',
  'input_read',
  'config_len',
  'config_read',
  'step_len',
  'step_read',
  'output_write',
  'fail',
  'checkpoint',
  'wait',
  'result_len',
  'result_read',
  'log',
  'get_time',
  'random_bytes',
  'regex_match',
  'http_request',
  'secret_read',
  'cache_get',
  'cache_put',
  'grow',
  'poke',
] as const;
export type Operation = (typeof OPERATIONS)[number];

export const PAGE_BYTES = 65_536;
export const MIN_PAGES = 4;
export const MAX_PAGES = 16;
/** Documents and payloads from here on may be written over. */
export const SCRIPT_END = PAGE_BYTES;
export const CALL_DIGITS = 26;

/** Payloads that mean something, with their places. */
export const PAYLOADS: readonly { readonly at: number; readonly bytes: Uint8Array }[] = (() => {
  const texts: (string | Uint8Array)[] = [
    frameOf({ method: 'GET', url: 'http://public.test/' }),
    frameOf({ method: 'POST', url: 'http://public.test/x', headers: { a: 'b' }, timeout_ms: 1000 }, 'body'),
    frameOf({ method: 'GET', url: 'http://inside.test/' }),
    frameOf({ key: 'k', ttl_ms: 1000 }, 'value'),
    'k',
    'KEY',
    JSON.stringify({ code: 'own', message: 'of the guest' }),
    JSON.stringify({ cursor: 1, items_processed: 1 }),
    JSON.stringify({ reason: 'r', timeout_ms: 1000 }),
    regexFrame('(a|b)+c', 'xxababc'),
    regexFrame('(?P<name>[', 'x'),
    '{"output":true}',
  ];
  let at = SCRIPT_END;
  return texts.map((text) => {
    const bytes = new Uint8Array(Buffer.from(text));
    const payload = { at, bytes };
    at += Math.ceil(bytes.byteLength / 64) * 64 + 64;
    return payload;
  });
})();

function regexFrame(pattern: string, text: string): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(pattern.length);
  return Buffer.concat([length, Buffer.from(pattern + text)]);
}

const A = '(local.get $a)';
const AB = '(local.get $a) (local.get $b)';
const ABC = `${AB} (local.get $c)`;

const CODE: Readonly<Record<Operation, string>> = {
  input_len: '(drop (call $input_len))',
  input_read: `(call $input_read ${A})`,
  config_len: '(drop (call $config_len))',
  config_read: `(call $config_read ${A})`,
  step_len: '(drop (call $step_len))',
  step_read: `(call $step_read ${A})`,
  output_write: `(call $output_write ${AB})`,
  fail: `(call $fail ${AB})`,
  checkpoint: `(call $checkpoint ${AB})`,
  wait: `(call $wait ${AB})`,
  result_len: '(drop (call $result_len))',
  result_read: `(call $result_read ${A})`,
  log: `(call $log ${ABC})`,
  get_time: '(drop (call $get_time))',
  random_bytes: `(call $random_bytes ${AB})`,
  regex_match: `(call $known (call $regex_match ${AB}))`,
  http_request: `(call $known (call $http_request ${AB}))`,
  secret_read: `(call $known (call $secret_read ${AB}))`,
  cache_get: `(call $known (call $cache_get ${AB}))`,
  cache_put: `(call $known (call $cache_put ${AB}))`,
  grow: `(drop (memory.grow ${A}))`,
  poke: `(i32.store ${AB})`,
};

/** Traps on a status that is not documented. At the end of its script it writes `1`. */
export const REPLAY_GUEST = guestText({
  imports: OPERATIONS.filter((name): name is ImportName & Operation => name !== 'grow' && name !== 'poke'),
  pages: `${MIN_PAGES} ${MAX_PAGES}`,
  fields: `${PAYLOADS.map(({ at, bytes }) => dataText(at, bytes).field).join('\n')}
    (func $known (param $status i32) (if (i32.gt_u (local.get $status) (i32.const 5)) (then (unreachable))))
    (func $hex (param $at i32) (param $digits i32) (result i32) (local $value i32) (local $digit i32)
      (loop $next
        (local.set $digit (i32.load8_u (local.get $at)))
        (local.set $digit (select (i32.sub (local.get $digit) (i32.const 87)) (i32.sub (local.get $digit) (i32.const 48))
          (i32.gt_u (local.get $digit) (i32.const 57))))
        (local.set $value (i32.or (i32.shl (local.get $value) (i32.const 4)) (local.get $digit)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (local.tee $digits (i32.sub (local.get $digits) (i32.const 1)))))
      (local.get $value))
    (func $do (param $op i32) (param $a i32) (param $b i32) (param $c i32)
      ${OPERATIONS.map((name, number) => `(if (i32.eq (local.get $op) (i32.const ${number})) (then ${CODE[name]}))`).join('\n')})`,
  body: `(local $at i32) (local $end i32)
    (call $input_read (i32.const 0))
    (local.set $at (i32.const 1))
    (local.set $end (i32.sub (call $input_len) (i32.const 1)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (call $do (call $hex (local.get $at) (i32.const 2))
        (call $hex (i32.add (local.get $at) (i32.const 2)) (i32.const 8))
        (call $hex (i32.add (local.get $at) (i32.const 10)) (i32.const 8))
        (call $hex (i32.add (local.get $at) (i32.const 18)) (i32.const 8)))
      (local.set $at (i32.add (local.get $at) (i32.const ${CALL_DIGITS})))
      (br $next)))
    (i32.store8 (i32.const 0) (i32.const 49))
    (call $output_write (i32.const 0) (i32.const 1))
    (i32.const 0)`,
});

/** Fills its memory with what must never be seen elsewhere, and holds it while it waits for a host call. */
export function poisonGuest(poison: string): string {
  const text = dataText(1024, poison);
  const size = Buffer.byteLength(poison);
  const request = dataText(16, frameOf({ method: 'GET', url: 'http://public.test/poison' }));
  return guestText({
    imports: ['http_request', 'output_write'],
    pages: `${MIN_PAGES} ${MAX_PAGES}`,
    fields: `${text.field} ${request.field}`,
    body: `(local $at i32)
      (drop (memory.grow (i32.const 2)))
      (local.set $at (i32.const 2048))
      (loop $next
        (memory.copy (local.get $at) (i32.const 1024) (i32.const ${size}))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const ${size}))) (i32.const ${6 * PAGE_BYTES - size}))))
      (drop (call $http_request ${request.args}))
      (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
  });
}
