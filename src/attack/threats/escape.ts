import type { ResultMessage } from '../../sandbox/protocol.ts';
import { type Attack, denied, harmless, laneEnded, settled, type WorkerAttack } from '../attack.ts';
import { ECHO_TEXT, guestText } from '../guests/text.ts';

const OUTPUT = new TextEncoder().encode('1');
const PROTOCOL = settled('trapped', 'ERR_GUEST_PROTOCOL');

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
    digests: null,
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

const script = (id: string, tries: string, expression: string): Attack => ({
  id: `script-${id}`,
  threat: 'escape',
  tries,
  by: { kind: 'script', expression },
  expect: denied('ERR_ACCESS_DENIED'),
});

const builtin = (name: string) => `process.getBuiltinModule('node:${name}')`;

export const ESCAPE_ATTACKS: readonly Attack[] = [
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
    refusedCall('unknown', 'ERR_HOST_CALL_INVALID'),
  ),
  saying(
    'ungranted-call',
    'read a secret that its module does not even ask for',
    (slot) => [[call(slot, 2, 'TOKEN')], [result(slot)]],
    refusedCall('secret_read', 'ERR_SECRET_DENIED'),
  ),
  saying('skip', 'say that it left out its invocation', (slot) => [[{ type: 'skipped', slot }]]),
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
  reporting('own-digests', 'say itself what the digests of input and output are', {
    digests: { input: new Uint8Array(32), output: new Uint8Array(32) },
  }),
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
  {
    id: 'process-memory-bomb',
    threat: 'escape',
    tries: 'grow memory in a process until it is refused',
    by: {
      kind: 'handler',
      module: {
        wat: guestText({
          fields: '(global i32 (i32.const 3))',
          body: '(loop $more (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable))) (br $more)) (i32.const 0)',
        }),
      },
      isolated: true,
    },
    expect: settled('exhausted', 'ERR_LIMIT_MEMORY'),
  },
  {
    id: 'process-control',
    threat: 'escape',
    tries: 'nothing: a process serves like a thread',
    by: { kind: 'handler', module: { wat: ECHO_TEXT }, isolated: true, step: { context: { a: 1 } } },
    expect: harmless({ a: 1 }),
  },
  script('read', 'read a file', `${builtin('fs')}.readFileSync('/etc/passwd', 'utf8')`),
  script('read-own-code', 'read the code that it runs', `${builtin('fs')}.readFileSync(process.argv[0])`),
  script('write', 'write a file', `${builtin('fs')}.writeFileSync('/tmp/wasm-broker-was-here', 'x')`),
  script('process', 'start a process', `${builtin('child_process')}.spawnSync('true').error ?? 'started'`),
  script(
    'thread',
    'start a thread that has every permission',
    `new (${builtin('worker_threads')}.Worker)('0', { eval: true, execArgv: [] })`,
  ),
  script(
    'connect',
    'connect to this machine',
    `new Promise((resolve, reject) => ${builtin('net')}.connect(1, '127.0.0.1').on('connect', resolve).on('error', reject))`,
  ),
  script('inspector', 'open a debugger', `${builtin('inspector')}.open(0)`),
];
