import { type Attack, notAdmitted, settled } from '../attack.ts';
import { guestText } from '../guests/text.ts';

const OUT_OF_MEMORY = settled('exhausted', 'ERR_LIMIT_MEMORY');
const GROW_UNTIL_REFUSED =
  '(loop $more (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable))) (br $more)) (i32.const 0)';

const attack = (id: string, tries: string, wat: string, expect = OUT_OF_MEMORY): Attack => ({
  id,
  threat: 'memory',
  tries,
  by: { kind: 'handler', module: { wat } },
  expect,
});

const deeper = (locals: string) =>
  guestText({
    fields: `(func $deeper (param i32) (result i32) ${locals} (call $deeper (i32.add (local.get 0) (i32.const 1))))`,
    body: '(call $deeper (i32.const 0))',
  });

const depth = (id: string, tries: string, wat: string): Attack => ({
  id,
  threat: 'depth',
  tries,
  by: { kind: 'handler', module: { wat } },
  expect: settled('exhausted', 'ERR_LIMIT_DEPTH'),
});

export const MEMORY_ATTACKS: readonly Attack[] = [
  attack('memory-bomb', 'grow memory until it is refused', guestText({ body: GROW_UNTIL_REFUSED })),
  attack(
    'memory-bomb-unbounded',
    'declare a maximum of 4 GiB and grow to it',
    guestText({ pages: '1 65536', body: GROW_UNTIL_REFUSED }),
  ),
  attack(
    'memory-at-once',
    'declare 4 GiB of memory to begin with',
    guestText({ pages: '65536' }),
    notAdmitted('ERR_MEMORY_MINIMUM'),
  ),
  attack(
    'memory-in-start',
    'grow memory in the start function',
    guestText({
      fields: `(func $s (loop $more (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable))) (br $more))) (start $s)`,
    }),
  ),
  {
    id: 'grow-is-paid',
    threat: 'memory',
    tries: 'grow memory with too little fuel for it',
    by: {
      kind: 'handler',
      module: { wat: guestText({ body: '(drop (memory.grow (i32.const 200))) (i32.const 0)' }) },
      limits: { fuel: 100_000 },
    },
    expect: settled('exhausted', 'ERR_LIMIT_FUEL'),
  },
  attack(
    'table-bomb',
    'declare two tables of ten million elements',
    '(module (table 10000000 funcref) (table 10000000 funcref) (memory (export "memory") 1) (func (export "tk_handle") (result i32) (i32.const 0)))',
    notAdmitted('ERR_MODULE_TOO_LARGE'),
  ),
  {
    id: 'table-growth',
    threat: 'memory',
    tries: 'grow a table for ever',
    by: {
      kind: 'handler',
      module: {
        wat: guestText({
          fields: '(table $t 0 funcref)',
          body: '(loop $more (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $more)) (i32.const 0)',
        }),
      },
    },
    expect: settled('exhausted', 'ERR_LIMIT_FUEL'),
  },
  depth('recursion', 'call itself for ever', deeper('')),
  depth(
    'recursion-with-large-frames',
    'call itself with a hundred locals',
    deeper(`(local ${'i64 '.repeat(100)})`),
  ),
  depth(
    'recursion-in-start',
    'call itself in the start function',
    guestText({ fields: '(func $s (call $s) (nop)) (start $s)' }),
  ),
  depth(
    'recursion-by-table',
    'call itself through a table',
    guestText({
      fields:
        '(type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $f) (func $f (result i32) (i32.add (call_indirect (type $t) (i32.const 0)) (i32.const 1)))',
      body: '(call $f)',
    }),
  ),
];
