import type { JsonObject } from '../../model/json.ts';
import type { ResultMessage } from '../../sandbox/protocol.ts';
import { type Attack, harmless, laneEnded, settled, type WorkerAttack } from '../attack.ts';
import { dataText, guestText } from '../guests/text.ts';

/** A guest that fails in its own words, whatever they claim. */
const failing = (id: string, tries: string, failure: object | string, expect: Attack['expect']): Attack => {
  const words = dataText(16, typeof failure === 'string' ? failure : JSON.stringify(failure));
  const wat = guestText({
    imports: ['fail'],
    fields: words.field,
    body: `(call $fail ${words.args}) (i32.const 0)`,
  });
  return { id: `forge-${id}`, threat: 'forgery', tries, by: { kind: 'handler', module: { wat } }, expect };
};

const writing = (
  id: string,
  tries: string,
  output: string | Uint8Array,
  expect: Attack['expect'],
): Attack => {
  const words = dataText(16, output);
  const wat = guestText({
    imports: ['output_write'],
    fields: words.field,
    body: `(call $output_write ${words.args}) (i32.const 0)`,
  });
  return { id: `forge-${id}`, threat: 'forgery', tries, by: { kind: 'handler', module: { wat } }, expect };
};

/** Writes two arrays that nest as deep as fits into an output, one beside the other. */
const deep = (id: string, tries: string, outputSchema: JsonObject): Attack => {
  const levels = 200_000;
  const one = (at: number) => `(memory.fill (i32.const ${at}) (i32.const 91) (i32.const ${levels}))
    (memory.fill (i32.const ${at + levels}) (i32.const 93) (i32.const ${levels}))`;
  const wat = guestText({
    imports: ['output_write'],
    pages: '16',
    body: `(i32.store8 (i32.const 8) (i32.const 91)) ${one(9)}
      (i32.store8 (i32.const ${9 + 2 * levels}) (i32.const 44)) ${one(10 + 2 * levels)}
      (i32.store8 (i32.const ${10 + 4 * levels}) (i32.const 93))
      (call $output_write (i32.const 8) (i32.const ${4 * levels + 3})) (i32.const 0)`,
  });
  return {
    id: `forge-deep-${id}`,
    threat: 'forgery',
    tries,
    by: { kind: 'handler', module: { wat }, outputSchema, limits: { output_bytes: 2 * 1024 * 1024 } },
    expect: settled('failed', 'ERR_OUTPUT_SCHEMA'),
  };
};

const OUTPUT = new TextEncoder().encode('1');
const PROTOCOL = settled('trapped', 'ERR_GUEST_PROTOCOL');
const OWN_CODE = {
  ...settled('failed', 'ERR_INTERNAL'),
  metric: 'wasm_broker_steps_settled_total{outcome="failed",code="handler"}',
};

/** A result of a worker, well-formed but for what is changed. */
const result = (slot: number, change: object = {}): ResultMessage =>
  ({
    type: 'result',
    slot,
    result: { kind: 'returned', output: OUTPUT },
    fuel: 1,
    fuelExact: true,
    peakMemoryBytes: 65_536,
    logs: [],
    wallMs: 1,
    ...change,
  }) as ResultMessage;

const reporting = (
  id: string,
  tries: string,
  change: object,
  expect: Attack['expect'] = laneEnded(),
  given: Partial<WorkerAttack> = {},
): Attack => ({
  id: `worker-${id}`,
  threat: 'escape',
  tries,
  by: { kind: 'worker', posts: (slot) => [[result(slot, change)]], ...given },
  expect,
});

const saying = (
  id: string,
  tries: string,
  posts: WorkerAttack['posts'],
  expect: Attack['expect'] = laneEnded(),
  given: Partial<WorkerAttack> = {},
): Attack => ({
  id: `worker-${id}`,
  threat: 'escape',
  tries,
  by: { kind: 'worker', posts, ...given },
  expect,
});

const call = (slot: number, wireNumber: number, text = '') =>
  ({ type: 'call', slot, wireNumber, payload: new TextEncoder().encode(text) }) as const;

const refusedCall = (name: string, code: string): Attack['expect'] => ({
  ...harmless(1),
  metric: `wasm_broker_host_calls_refused_total{call="${name}",code="${code}"}`,
  event: 'call:refused',
});

export const FORGERY_ATTACKS: readonly Attack[] = [
  failing(
    'an-abort',
    'get its attempt back by saying that the broker broke it off',
    { code: 'ERR_ABORTED', message: 'x', retryable: true },
    settled('failed', 'ERR_ABORTED'),
  ),
  failing(
    'a-label',
    'make up an error code, which would be a series of counters for ever',
    { code: 'c0ffee_4711', message: 'x' },
    { ...OWN_CODE, code: 'c0ffee_4711' },
  ),
  failing(
    'a-long-code',
    'fail with a code of a megabyte',
    { code: 'x'.repeat(10_000), message: 'x' },
    PROTOCOL,
  ),
  failing('an-empty-code', 'fail without saying why', { code: '', message: 'x' }, PROTOCOL),
  failing(
    'a-late-retry',
    'have its step retried in a year',
    { code: 'later', message: 'x', retryable: true, retry_after_ms: 31_536_000_000 },
    PROTOCOL,
  ),
  failing('nothing', 'fail with something that is not JSON', 'no JSON', PROTOCOL),
  failing(
    'a-prototype',
    'fail with a code that every object has',
    { code: '__proto__', message: 'x' },
    { ...OWN_CODE, code: '__proto__' },
  ),
  writing(
    'output-not-json',
    'write something that is not JSON',
    '{"a":',
    settled('failed', 'ERR_OUTPUT_INVALID'),
  ),
  writing(
    'output-not-utf8',
    'write bytes that are no text',
    Uint8Array.of(0x22, 0xff, 0xfe, 0x22),
    settled('failed', 'ERR_OUTPUT_INVALID'),
  ),
  writing('output-two', 'write two documents', '1 2', settled('failed', 'ERR_OUTPUT_INVALID')),
  writing(
    'output-receipt',
    'write a receipt into its output',
    '{"receipt":{"fuel":0},"success":true}',
    harmless({ receipt: { fuel: 0 }, success: true }),
  ),
  writing('output-prototype', 'write a key that changes every object', '{"__proto__":{"polluted":true}}', {
    outcome: 'completed',
    code: null,
    metric: 'wasm_broker_steps_settled_total{outcome="completed",code=""}',
    event: 'step:settled',
  }),
  {
    id: 'forge-output-missing',
    threat: 'forgery',
    tries: 'return without an output',
    by: { kind: 'handler', module: { wat: guestText({ body: '(i32.const 0)' }) } },
    expect: settled('failed', 'ERR_OUTPUT_MISSING'),
  },
  {
    id: 'forge-return',
    threat: 'forgery',
    tries: 'return a number that means nothing',
    by: { kind: 'handler', module: { wat: guestText({ body: '(i32.const 7)' }) } },
    expect: settled('failed', 'ERR_GUEST_RETURN'),
  },
  {
    id: 'forge-slow-to-check',
    threat: 'forgery',
    tries: 'return what its own schema allows after a minute of looking',
    by: {
      kind: 'handler',
      module: {
        wat: guestText({
          imports: ['output_write'],
          pages: '32',
          body: `(local $at i32)
            (i32.store8 (i32.const 0) (i32.const 91)) (local.set $at (i32.const 1))
            (loop $next
              (i32.store (local.get $at) (i32.const 0x2c393939))
              (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 1999997))))
            (i32.store8 (i32.sub (local.get $at) (i32.const 1)) (i32.const 93))
            (call $output_write (i32.const 0) (local.get $at)) (i32.const 0)`,
        }),
      },
      outputSchema: { items: { anyOf: Array.from({ length: 999 }, (_, n) => ({ const: n + 1 })) } },
      limits: { output_bytes: 2 * 1024 * 1024 },
    },
    expect: settled('failed', 'ERR_OUTPUT_SCHEMA'),
  },
  deep('in-place', 'return what nests two hundred thousand levels deep, to be compared in place', {
    type: 'array',
    uniqueItems: true,
    maxItems: 10,
  }),
  deep('in-a-thread', 'the same, to be checked in a thread', {
    $ref: '#/$defs/a',
    $defs: { a: { type: 'array', items: { $ref: '#/$defs/a' } } },
  }),
  {
    id: 'forge-against-schema',
    threat: 'forgery',
    tries: 'return what its own schema forbids',
    by: { kind: 'handler', module: { wat: guestText({}) }, outputSchema: { type: 'object' } },
    expect: settled('failed', 'ERR_OUTPUT_SCHEMA'),
  },
  {
    id: 'forge-against-template',
    threat: 'forgery',
    tries: 'return what the template forbids',
    by: { kind: 'handler', module: { wat: guestText({}) }, step: { resultSchema: { type: 'string' } } },
    expect: settled('failed', 'ERR_RESULT_SCHEMA'),
  },
  saying('no-batch', 'send an object where bytes are expected', () => [{ raw: { type: 'result' } }]),
  saying('cut-batch', 'send half a message', () => [{ raw: Uint8Array.of(6, 0, 0, 0, 0, 0).buffer }]),
  saying('unknown-kind', 'send a message of an unknown kind', () => [
    { raw: new Uint32Array([99, 0]).buffer },
  ]),
  saying('long-length', 'send a length beyond the message', () => [
    { raw: new Uint32Array([5, 0, 1, 0xffffffff]).buffer },
  ]),
  saying(
    'other-slot',
    'settle an invocation that is not its own',
    (slot) => [[result(slot + 7, { fuel: 5 })], [result(slot)]],
    harmless(1),
  ),
  saying(
    'twice',
    'settle its invocation twice',
    (slot) => [
      [result(slot), result(slot, { result: { kind: 'returned', output: new TextEncoder().encode('2') } })],
    ],
    harmless(1),
  ),
  saying(
    'call-of-other-slot',
    'make a call in the name of another invocation',
    (slot) => [[call(slot + 3, 1)], [result(slot)]],
    harmless(1),
  ),
  saying(
    'unknown-call',
    'make a call that does not exist',
    (slot) => [[call(slot, 77)], [result(slot)]],
    refusedCall('#77', 'ERR_HOST_CALL_INVALID'),
  ),
  saying(
    'ungranted-call',
    'read a secret that its module does not even ask for',
    (slot) => [[call(slot, 2, 'TOKEN')], [result(slot)]],
    refusedCall('secret_read', 'ERR_SECRET_DENIED'),
  ),
  saying('flood-of-calls', 'make calls without end', (slot) => [
    Array.from({ length: 100 }, () => call(slot, 1)),
  ]),
  reporting('negative-fuel', 'report less than no fuel', { fuel: -1 }),
  reporting('no-fuel', 'report no number as its fuel', { fuel: Number.NaN }),
  reporting('endless-memory', 'report endless memory', { peakMemoryBytes: Number.POSITIVE_INFINITY }),
  reporting('ungranted-logs', 'report log lines without the right to log', {
    logs: [{ level: 'info', message: 'x' }],
  }),
  reporting(
    'unknown-level',
    'log at a level that does not exist',
    { logs: [{ level: '__proto__', message: 'x' }] },
    laneEnded(),
    { grants: [{ capability: 'log' }] },
  ),
  reporting(
    'many-logs',
    'report more lines than it may',
    { logs: Array.from({ length: 2000 }, () => ({ level: 'info', message: 'x' })) },
    laneEnded(),
    { grants: [{ capability: 'log' }] },
  ),
  reporting('unchecked-completion', 'report completion past every check', {
    result: { kind: 'completed', output: '{}' },
  }),
  reporting('unknown-limit', 'report that a limit was reached that does not exist', {
    result: {
      kind: 'exhausted',
      code: 'ERR_LIMIT_FUEL',
      message: '',
      limit: '__proto__',
      allowed: 1,
      used: 1,
      setting: '',
    },
  }),
  reporting('unknown-code', 'report a trap with a code of its own', {
    result: { kind: 'trapped', code: 'ERR_MADE_UP', message: '', stack: [] },
  }),
  reporting(
    'an-abort',
    'report that the broker broke it off, so that the attempt does not count',
    { result: { kind: 'aborted', code: 'ERR_ABORTED', message: '' } },
    settled('aborted', 'ERR_INTERNAL'),
  ),
  reporting(
    'large-output',
    'report an output that is too large',
    { result: { kind: 'returned', output: new Uint8Array(100_000) } },
    settled('exhausted', 'ERR_LIMIT_OUTPUT'),
  ),
  reporting(
    'broken-output',
    'report an output that is no JSON',
    { result: { kind: 'returned', output: Uint8Array.of(255) } },
    settled('failed', 'ERR_OUTPUT_INVALID'),
  ),
  reporting(
    'ungranted-wait',
    'report that it waits for a person',
    { result: { kind: 'wait', request: new TextEncoder().encode('{"reason":"x","timeout_ms":1}') } },
    settled('trapped', 'ERR_GRANT_MISSING'),
  ),
  reporting(
    'broken-checkpoint',
    'report a checkpoint that is none',
    { result: { kind: 'checkpoint', request: new TextEncoder().encode('{}') } },
    PROTOCOL,
  ),
];
