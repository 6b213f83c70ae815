import type { JsonObject } from '../../model/json.ts';
import { type Attack, harmless, type ModuleSource, settled } from '../attack.ts';
import { INSPECTOR, KEPT_INSPECTOR } from '../guests/inspector.ts';
import { dataText, frameOf, guestText } from '../guests/text.ts';

const DIRTY = '(memory.fill (i32.const 0) (i32.const 7) (i32.const 65536))';
const dirtyThen = (what: string) => ({
  wat: guestText({ pages: '1 16', body: `${DIRTY} ${what} (i32.const 0)` }),
});

const after = (
  id: string,
  tries: string,
  before: readonly ModuleSource[],
  contextsBefore: readonly JsonObject[] = [],
): Attack => ({
  id: `state-${id}`,
  threat: 'interference',
  tries,
  by: { kind: 'handler', module: { wat: INSPECTOR }, before, contextsBefore },
  expect: harmless(1),
});

/** Writes what the calls beside the guest hold from somebody before: documents, result, randomness. */
const REST = guestText({
  imports: ['result_len', 'step_len', 'config_len', 'output_write'],
  body: `(if (call $result_len) (then (unreachable)))
    (if (i32.ne (call $config_len) (i32.const 2)) (then (unreachable)))
    (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});

const KEY = dataText(16, 'key');
const PUT = dataText(64, frameOf({ key: 'key', ttl_ms: 1000 }, 'kept'));
const CACHE = { capability: 'cache', ttl_ms: 1000 } as const;

/** Looks into the cache, and writes 1 if there was nothing, 2 if there was something. */
const LOOKER = guestText({
  imports: ['cache_get', 'result_len', 'output_write'],
  fields: `${KEY.field} (data (i32.const 8) "2")`,
  body: `(drop (call $cache_get ${KEY.args}))
    (if (i32.gt_u (call $result_len) (i32.const 1)) (then (call $output_write (i32.const 8) (i32.const 1))) (else (call $output_write (i32.const 0) (i32.const 1))))
    (i32.const 0)`,
});
const KEEPER = guestText({
  imports: ['cache_put', 'output_write'],
  fields: PUT.field,
  body: `(drop (call $cache_put ${PUT.args})) (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
});

export const INTERFERENCE_ATTACKS: readonly Attack[] = [
  after('of-itself', 'read what it left behind itself', [], [{}]),
  after('of-a-trap', 'read the memory of one that trapped', [dirtyThen('(unreachable)')]),
  after('of-a-growth', 'read the memory of one that grew it', [
    dirtyThen('(drop (memory.grow (i32.const 3)))'),
  ]),
  after('of-exhaustion', 'read the memory of one that ran out of fuel', [
    dirtyThen('(loop $again (br $again))'),
  ]),
  {
    id: 'state-of-a-kept-instance',
    threat: 'interference',
    tries: 'read what it left in an instance that is kept and put back',
    by: { kind: 'handler', module: { wat: KEPT_INSPECTOR }, contextsBefore: [{}, {}, {}] },
    expect: harmless(1),
  },
  {
    id: 'state-beside-the-guest',
    threat: 'interference',
    tries: 'read the result or configuration of the step before',
    by: {
      kind: 'handler',
      module: { wat: REST },
      grants: [CACHE],
      before: [{ wat: LOOKER }],
    },
    expect: harmless(1),
  },
  {
    id: 'cache-of-another',
    threat: 'interference',
    tries: 'read what another handler keeps',
    by: { kind: 'handler', module: { wat: LOOKER }, grants: [CACHE], before: [{ wat: KEEPER }] },
    expect: harmless(1),
  },
  {
    id: 'cache-ungranted',
    threat: 'interference',
    tries: 'keep something without the right to',
    by: { kind: 'handler', module: { wat: KEEPER }, requests: [CACHE] },
    expect: settled('refused', 'ERR_GRANT_MISSING'),
  },
];
