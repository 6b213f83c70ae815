import { type Attack, denied, harmless, settled } from '../attack.ts';
import { httpGrant } from '../guests/courier.ts';
import { dataText, ECHO_TEXT, frameOf, guestText } from '../guests/text.ts';
import { PUBLIC } from '../target/internet.ts';

const FRAME = dataText(16, frameOf({ method: 'GET', url: 'http://bound.test/end-lane' }));

/** Brings down its lane at every run, by way of an accomplice: the broker cannot tell it from a fault of the engine. */
const crasher = (number: number): string =>
  guestText({
    imports: ['http_request'],
    fields: `${FRAME.field} (global i32 (i32.const ${number}))`,
    body: `(loop $again (drop (call $http_request ${FRAME.args})) (br $again)) (i32.const 0)`,
  });

const crashing = (
  id: string,
  tries: string,
  contextsBefore: readonly object[],
  expect: Attack['expect'],
): Attack => ({
  id: `lane-${id}`,
  threat: 'lane',
  tries,
  by: {
    kind: 'handler',
    module: { wat: crasher(contextsBefore.length) },
    grants: [httpGrant()],
    contextsBefore: contextsBefore as never,
    step: { context: { input: contextsBefore.length } },
  },
  expect: { ...expect, dialled: [`${PUBLIC} 80`] },
});

const script = (id: string, tries: string, expression: string): Attack => ({
  id: `script-${id}`,
  threat: 'escape',
  tries,
  by: { kind: 'script', expression },
  expect: denied('ERR_ACCESS_DENIED'),
});

const builtin = (name: string) => `process.getBuiltinModule('node:${name}')`;

const LONG_NAME = 'x'.repeat(60_000);

export const LANE_ATTACKS: readonly Attack[] = [
  {
    id: 'lane-by-a-name',
    threat: 'lane',
    tries: 'trap in a function whose name is longer than any report may be',
    by: {
      kind: 'handler',
      module: {
        wat: guestText({
          fields: `(func $${LONG_NAME} (unreachable))`,
          body: `(call $${LONG_NAME}) (i32.const 0)`,
        }),
      },
    },
    expect: settled('trapped', 'ERR_GUEST_TRAP'),
  },
  crashing('crash', 'bring down its lane whenever it runs', [], settled('trapped', 'ERR_LANE_CRASHED')),
  crashing(
    'quarantine',
    'bring down its lane with one input after another',
    [{ input: 10 }, { input: 11 }, { input: 12 }],
    {
      ...settled('failed', 'ERR_HANDLER_QUARANTINED'),
      metric: 'wasm_broker_handlers_quarantined_total',
      event: 'handler:quarantined',
    },
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
