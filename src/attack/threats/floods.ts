import { type Attack, callRefused, harmless, settled } from '../attack.ts';
import { courier, httpGrant } from '../guests/courier.ts';
import { dataText, frameOf, guestText, type ImportName } from '../guests/text.ts';
import { PUBLIC } from '../target/internet.ts';

const FRAME = dataText(16, frameOf({ method: 'GET', url: 'http://bound.test/ok' }));
const BROKEN = dataText(16, 'no frame');
const REQUEST = `(drop (call $http_request ${FRAME.args}))`;
const OUTPUT = '(call $output_write (i32.const 0) (i32.const 1))';

const flood = (
  id: string,
  tries: string,
  parts: {
    readonly imports: readonly ImportName[];
    readonly fields?: string;
    readonly body: string;
    readonly pages?: string;
  },
  expect: Attack['expect'],
  given: Partial<Extract<Attack['by'], { kind: 'handler' }>> = {},
): Attack => ({
  id: `flood-${id}`,
  threat: 'floods',
  tries,
  by: {
    kind: 'handler',
    module: { wat: guestText({ ...parts, body: `${parts.body} (i32.const 0)` }) },
    ...given,
  },
  expect,
});

const forever = (what: string) => `(loop $again ${what} (br $again))`;
const times = (count: number, what: string) => Array.from({ length: count }, () => what).join(' ');
const LOG = [{ capability: 'log' }] as const;
const CALLS = settled('exhausted', 'ERR_LIMIT_HOST_CALLS');

export const FLOOD_ATTACKS: readonly Attack[] = [
  flood(
    'log-lines',
    'log for ever',
    { imports: ['log'], body: forever('(call $log (i32.const 1) (i32.const 0) (i32.const 1))') },
    settled('exhausted', 'ERR_LIMIT_LOG'),
    { grants: LOG, limits: { log_lines: 10 } },
  ),
  flood(
    'log-bytes',
    'log long lines',
    { imports: ['log'], body: forever('(call $log (i32.const 1) (i32.const 0) (i32.const 20000))') },
    settled('exhausted', 'ERR_LIMIT_LOG'),
    { grants: LOG },
  ),
  flood(
    'log-below-level',
    'log for ever at a level that is not kept',
    { imports: ['log'], body: forever('(call $log (i32.const 0) (i32.const 0) (i32.const 0))') },
    settled('exhausted', 'ERR_LIMIT_FUEL'),
    { grants: [{ capability: 'log', level: 'error' }], limits: { fuel: 1_000_000 } },
  ),
  flood(
    'log-ungranted',
    'log without the right to',
    { imports: ['log'], body: '(call $log (i32.const 1) (i32.const 0) (i32.const 1))' },
    settled('refused', 'ERR_GRANT_MISSING'),
    { requests: LOG },
  ),
  flood(
    'output',
    'write more than an output may have',
    { imports: ['output_write'], pages: '4', body: '(call $output_write (i32.const 0) (i32.const 200000))' },
    settled('exhausted', 'ERR_LIMIT_OUTPUT'),
  ),
  flood(
    'output-again',
    'write its output for ever',
    { imports: ['output_write'], body: forever(OUTPUT) },
    settled('exhausted', 'ERR_LIMIT_FUEL'),
    { limits: { fuel: 1_000_000 } },
  ),
  flood(
    'requests',
    'send requests for ever',
    { imports: ['http_request'], fields: FRAME.field, body: forever(REQUEST) },
    { ...CALLS, dialled: [`${PUBLIC} 80`] },
    { grants: [httpGrant()], limits: { host_calls: 3 } },
  ),
  flood(
    'refused-requests',
    'send requests that are refused for ever',
    { imports: ['http_request'], fields: FRAME.field, body: forever(REQUEST) },
    CALLS,
    { grants: [httpGrant({ hosts: ['other.test'] })], limits: { host_calls: 3 } },
  ),
  flood(
    'broken-requests',
    'send frames that are none for ever',
    {
      imports: ['http_request'],
      fields: BROKEN.field,
      body: forever(`(drop (call $http_request ${BROKEN.args}))`),
    },
    CALLS,
    { grants: [httpGrant()], limits: { host_calls: 3 } },
  ),
  flood(
    'empty-requests',
    'send nothing for ever',
    { imports: ['http_request'], body: forever('(drop (call $http_request (i32.const 0) (i32.const 0)))') },
    CALLS,
    { grants: [httpGrant()] },
  ),
  flood(
    'one-too-many',
    'make one call more than it may',
    {
      imports: ['http_request', 'output_write'],
      fields: FRAME.field,
      body: `${times(3, REQUEST)} ${OUTPUT}`,
    },
    callRefused('ERR_LIMIT_HOST_CALLS', { dialled: [`${PUBLIC} 80`] }),
    { grants: [httpGrant()], limits: { host_calls: 2 } },
  ),
  flood(
    'cache',
    'look into the cache for ever',
    { imports: ['cache_get'], body: forever('(drop (call $cache_get (i32.const 0) (i32.const 1)))') },
    CALLS,
    { grants: [{ capability: 'cache', ttl_ms: 1000 }] },
  ),
  flood(
    'large-frame',
    'send a frame larger than any request',
    {
      imports: ['http_request', 'output_write'],
      pages: '64',
      body: `(if (i32.ne (call $http_request (i32.const 0) (i32.const 4000000)) (i32.const 5)) (then (unreachable))) ${OUTPUT}`,
    },
    harmless(1),
    { grants: [httpGrant()] },
  ),
  flood(
    'random',
    'draw randomness for ever',
    { imports: ['random_bytes'], body: forever('(call $random_bytes (i32.const 0) (i32.const 65536))') },
    settled('exhausted', 'ERR_LIMIT_FUEL'),
    { grants: [{ capability: 'random' }] },
  ),
  flood(
    'time',
    'ask for the time for ever',
    { imports: ['get_time'], body: forever('(drop (call $get_time))') },
    settled('exhausted', 'ERR_LIMIT_FUEL'),
    { grants: [{ capability: 'time' }], limits: { fuel: 1_000_000 } },
  ),
  flood(
    'regex',
    'match a pattern of many states against a long text for ever',
    (() => {
      const pattern = '(a?){300}b';
      const frame = dataText(
        16,
        `${String.fromCharCode(pattern.length, 0, 0, 0)}${pattern}${'a'.repeat(20_000)}`,
      );
      return {
        imports: ['regex_match'] as const,
        fields: frame.field,
        body: forever(`(drop (call $regex_match ${frame.args}))`),
      };
    })(),
    settled('exhausted', 'ERR_LIMIT_FUEL'),
  ),
  flood(
    'checkpoints',
    'yield for ever',
    (() => {
      const point = dataText(16, JSON.stringify({ cursor: 1, items_processed: 1 }));
      return {
        imports: ['checkpoint'] as const,
        fields: point.field,
        body: `(call $checkpoint ${point.args})`,
      };
    })(),
    settled('exhausted', 'ERR_LIMIT_CHECKPOINTS'),
    { limits: { checkpoints: 3 } },
  ),
  flood(
    'wait',
    'wait longer than granted',
    (() => {
      const wait = dataText(16, JSON.stringify({ reason: 'x', timeout_ms: 86_400_000 }));
      return { imports: ['wait'] as const, fields: wait.field, body: `(call $wait ${wait.args})` };
    })(),
    settled('trapped', 'ERR_GRANT_MISSING'),
    { grants: [{ capability: 'wait', timeout_ms: 1000 }] },
  ),
  {
    id: 'flood-wall-time',
    threat: 'floods',
    tries: 'hold its slot by requests that nobody answers',
    by: courier(
      Array.from({ length: 20 }, () => 'http://bound.test/silent'),
      { limits: { wall_ms: 1500 } },
    ),
    expect: settled('exhausted', 'ERR_LIMIT_WALL_TIME', [`${PUBLIC} 80`]),
  },
];
