import type { GrantInput } from '../../model/grant.ts';
import { type Attack, harmless, settled } from '../attack.ts';
import { httpGrant } from '../guests/courier.ts';
import { type PlainParts, stringAt } from '../guests/plain.ts';
import { guestText, type ImportName } from '../guests/text.ts';

const OUTSIDE = settled('trapped', 'ERR_GUEST_POINTER');
const GRANTS: readonly GrantInput[] = [
  httpGrant(),
  { capability: 'log' },
  { capability: 'random' },
  { capability: 'secret_read', names: ['*'] },
  { capability: 'cache', ttl_ms: 1000 },
  { capability: 'wait', timeout_ms: 1000 },
];

const pointing = (
  name: ImportName,
  at: string,
  tries: string,
  args: string,
  returns = false,
  expect = OUTSIDE,
): Attack => {
  const call = `(call $${name} ${args})`;
  const wat = guestText({ imports: [name], body: `${returns ? `(drop ${call})` : call} (i32.const 0)` });
  return {
    id: `pointer-${name.replaceAll('_', '-')}-${at}`,
    threat: 'pointers',
    tries: `${tries} by ${name}`,
    by: { kind: 'handler', module: { wat }, grants: GRANTS, step: { context: { some: 'input' } } },
    expect,
  };
};

const END = '(i32.const 65535)';

/** Plain AssemblyScript, whose objects have a header that the host reads. */
const lying = (id: string, tries: string, parts: PlainParts, expect = OUTSIDE): Attack => ({
  id: `plain-${id}`,
  threat: 'pointers',
  tries,
  by: { kind: 'handler', module: { plain: parts }, step: { context: { some: 'input' } } },
  expect,
});
const returning = (pointer: number, fields = stringAt(2048, '"x"')): PlainParts => ({
  handle: `(i32.const ${pointer})`,
  fields,
});
const NO_STRING = settled('trapped', 'ERR_GUEST_PROTOCOL');

const PLAIN_ATTACKS: readonly Attack[] = [
  lying(
    'header-huge',
    'return a string said to have four gigabytes',
    returning(2048, stringAt(2048, '"x"', -2)),
  ),
  lying(
    'header-beyond',
    'return a string said to have one unit more than there is',
    returning(2048, stringAt(2048, '"x"', 65_536 - 2048 + 2)),
  ),
  lying(
    'header-odd',
    'return a string of one and a half units',
    returning(2048, stringAt(2048, '"x"', 3)),
    NO_STRING,
  ),
  lying(
    'header-of-another-class',
    'return an object of another class as a string',
    returning(2048, '(data (i32.const 2040) "\\07\\00\\00\\00\\04\\00\\00\\00")'),
    NO_STRING,
  ),
  lying('unaligned', 'return a pointer between two words', returning(2050)),
  lying('outside', 'return a pointer beyond memory', returning(70_000)),
  lying('new-outside', 'have the host write its input beyond memory', { allocate: '(i32.const -16)' }),
  lying('new-null', 'allocate nothing for the input', { allocate: '(i32.const 0)' }),
  lying(
    'new-without-header',
    'have the host write its input over what is no string',
    {
      allocate: '(i32.const 4096)',
    },
    NO_STRING,
  ),
  lying(
    'abort',
    'abort with pointers that lead nowhere',
    {
      imports: '(import "env" "abort" (func $abort (param i32 i32 i32 i32)))',
      fields: stringAt(2048, 'x', -2),
      handle: '(call $abort (i32.const 2048) (i32.const -2048) (i32.const -1) (i32.const -1)) (unreachable)',
    },
    settled('trapped', 'ERR_GUEST_ABORT'),
  ),
];

export const POINTER_ATTACKS: readonly Attack[] = [
  ...PLAIN_ATTACKS,
  pointing('input_read', 'end', 'have the host write beyond memory', END),
  pointing('input_read', 'negative', 'have the host write before memory', '(i32.const -1)'),
  pointing('config_read', 'end', 'have the host write beyond memory', END),
  pointing('step_read', 'end', 'have the host write beyond memory', END),
  pointing('output_write', 'end', 'read what lies beyond memory', '(i32.const 65530) (i32.const 100)'),
  pointing(
    'output_write',
    'wrap',
    'read all of memory by an address that wraps around',
    '(i32.const -8) (i32.const 16)',
  ),
  pointing('log', 'end', 'read what lies beyond memory', '(i32.const 1) (i32.const 65536) (i32.const 1)'),
  pointing('fail', 'end', 'read what lies beyond memory', '(i32.const 70000) (i32.const 10)'),
  pointing('checkpoint', 'end', 'read what lies beyond memory', '(i32.const 65530) (i32.const 100)'),
  pointing('wait', 'end', 'read what lies beyond memory', '(i32.const 65530) (i32.const 100)'),
  pointing('random_bytes', 'end', 'have the host write beyond memory', '(i32.const 65530) (i32.const 100)'),
  pointing('regex_match', 'end', 'read what lies beyond memory', '(i32.const 65530) (i32.const 100)', true),
  pointing('http_request', 'end', 'read what lies beyond memory', '(i32.const 65000) (i32.const 1000)', true),
  pointing(
    'http_request',
    'wrap',
    'read by an address that wraps around',
    '(i32.const -4) (i32.const 8)',
    true,
  ),
  pointing('secret_read', 'end', 'read what lies beyond memory', '(i32.const 65530) (i32.const 100)', true),
  pointing('cache_put', 'end', 'keep what lies beyond memory', '(i32.const 65530) (i32.const 100)', true),
  pointing(
    'output_write',
    'huge',
    'read four gigabytes',
    '(i32.const 0) (i32.const -1)',
    false,
    settled('exhausted', 'ERR_LIMIT_OUTPUT'),
  ),
  {
    id: 'pointer-after-growth',
    threat: 'pointers',
    tries: 'have the host write to memory as it was before it grew during a call',
    by: {
      kind: 'handler',
      module: {
        wat: guestText({
          imports: ['cache_get', 'input_read', 'output_write'],
          pages: '1 4',
          body: `(drop (call $cache_get (i32.const 0) (i32.const 1)))
            (drop (memory.grow (i32.const 2)))
            (call $input_read (i32.const 131072))
            (if (i32.ne (i32.load8_u (i32.const 131072)) (i32.const 123)) (then (unreachable)))
            (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
        }),
      },
      grants: [{ capability: 'cache', ttl_ms: 1000 }],
      step: { context: {} },
    },
    expect: harmless(1),
  },
  {
    id: 'pointer-of-abort',
    threat: 'pointers',
    tries: 'abort with a message that lies beyond memory',
    by: {
      kind: 'handler',
      module: {
        wat: `(module (import "env" "abort" (func $abort (param i32 i32 i32 i32))) (memory (export "memory") 1)
          (func (export "tk_handle") (result i32) (call $abort (i32.const -2) (i32.const 65534) (i32.const -1) (i32.const -1)) (i32.const 0)))`,
      },
    },
    expect: settled('trapped', 'ERR_GUEST_ABORT'),
  },
];
