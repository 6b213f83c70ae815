import { type Attack, type ModuleSource, settled } from '../attack.ts';
import { guestText } from '../guests/text.ts';

const OUT_OF_FUEL = settled('exhausted', 'ERR_LIMIT_FUEL');
const LOOP = '(loop $again (br $again))';

const attack = (id: string, tries: string, module: string | ModuleSource): Attack => ({
  id,
  threat: 'endless',
  tries,
  by: { kind: 'handler', module: typeof module === 'string' ? { wat: module } : module },
  expect: OUT_OF_FUEL,
});

export const ENDLESS_ATTACKS: readonly Attack[] = [
  attack('loop', 'loop for ever', guestText({ body: `${LOOP} (i32.const 0)` })),
  attack(
    'loop-in-start',
    'loop for ever in the start function',
    guestText({ fields: `(func $s ${LOOP}) (start $s)` }),
  ),
  attack(
    'loop-by-mutual-calls',
    'call two functions for ever without a loop',
    guestText({
      fields: `(func $a (param i32) (if (local.get 0) (then (call $b (i32.sub (local.get 0) (i32.const 1))))))
        (func $b (param i32) (if (local.get 0) (then (call $a (i32.sub (local.get 0) (i32.const 1))) (call $a (i32.sub (local.get 0) (i32.const 1))))))`,
      body: '(call $a (i32.const 100)) (i32.const 0)',
    }),
  ),
  attack(
    'loop-through-a-table',
    'loop by calls through a table',
    guestText({
      fields: '(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f)',
      body: '(loop $again (call_indirect (type $t) (i32.const 0)) (br $again)) (i32.const 0)',
    }),
  ),
  attack(
    'loop-by-br-table',
    'loop by a branch table whose default goes back',
    guestText({ body: '(loop $again (br_table $again $again (i32.const 7))) (i32.const 0)' }),
  ),
  attack(
    'loop-in-catch-all',
    'catch what ends a loop, and begin it again',
    guestText({
      fields: '(tag $e)',
      body: `(loop $again (try (do (loop $inner (br $inner))) (catch_all)) (br $again)) (i32.const 0)`,
    }),
  ),
  attack(
    'fill-for-ever',
    'fill memory again and again: few instructions, much work',
    guestText({
      pages: '64',
      body: '(loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 4194304)) (br $again)) (i32.const 0)',
    }),
  ),
  attack(
    'copy-for-ever',
    'copy memory again and again',
    guestText({
      pages: '64',
      body: '(loop $again (memory.copy (i32.const 0) (i32.const 8) (i32.const 4194296)) (br $again)) (i32.const 0)',
    }),
  ),
  attack(
    'table-fill-for-ever',
    'fill a table again and again',
    guestText({
      fields: '(table $t 10000 funcref)',
      body: '(loop $again (table.fill $t (i32.const 0) (ref.null func) (i32.const 10000)) (br $again)) (i32.const 0)',
    }),
  ),
  attack(
    'divide-for-ever',
    'loop over the most expensive instructions',
    guestText({
      body: '(local i64) (local.set 0 (i64.const -1)) (loop $again (local.set 0 (i64.div_u (i64.const -1) (i64.or (local.get 0) (i64.const 1)))) (br $again)) (i32.const 0)',
    }),
  ),
  attack(
    'read-input-for-ever',
    'have the host copy the input again and again',
    guestText({
      imports: ['input_read'],
      body: '(loop $again (call $input_read (i32.const 0)) (br $again)) (i32.const 0)',
    }),
  ),
  attack('loop-in-plain-start', 'loop for ever in the start function of plain AssemblyScript', {
    plain: { fields: `(func $s ${LOOP}) (start $s)` },
  }),
  attack('loop-in-plain-new', 'loop for ever while the host makes room for the input', {
    plain: { allocate: `${LOOP} (i32.const 0)` },
  }),
];
