import type { JsonObject } from '../../model/json.ts';
import { type Attack, settled } from '../attack.ts';
import { httpGrant } from '../guests/courier.ts';
import { dataText, frameOf, guestText } from '../guests/text.ts';
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
  contextsBefore: readonly JsonObject[],
  expect: Attack['expect'],
): Attack => ({
  id: `lane-${id}`,
  threat: 'lane',
  tries,
  by: {
    kind: 'handler',
    module: { wat: crasher(contextsBefore.length) },
    grants: [httpGrant()],
    contextsBefore,
    step: { context: { input: contextsBefore.length } },
  },
  expect: { ...expect, dialled: [`${PUBLIC} 80`] },
});

const LOOP = '(loop $again (br $again))';
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
    id: 'outlast-the-clock',
    threat: 'lane',
    tries: 'run on with fuel for days until the lane is ended for it',
    by: {
      kind: 'handler',
      module: { wat: guestText({ fields: '(global i32 (i32.const 1))', body: `${LOOP} (i32.const 0)` }) },
      limits: { fuel: Number.MAX_SAFE_INTEGER, wall_ms: 100 },
    },
    expect: settled('exhausted', 'ERR_LIMIT_WALL_TIME'),
  },
  {
    id: 'outlast-the-clock-isolated',
    threat: 'lane',
    tries: 'the same in a process of its own',
    by: {
      kind: 'handler',
      module: { wat: guestText({ fields: '(global i32 (i32.const 2))', body: `${LOOP} (i32.const 0)` }) },
      limits: { fuel: Number.MAX_SAFE_INTEGER, wall_ms: 100 },
      isolated: true,
    },
    expect: settled('exhausted', 'ERR_LIMIT_WALL_TIME'),
  },
];
