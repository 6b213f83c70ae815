import type { GrantInput } from '../../model/grant.ts';
import { type Attack, harmless, settled } from '../attack.ts';
import { httpGrant } from '../guests/courier.ts';
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

export const POINTER_ATTACKS: readonly Attack[] = [
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
