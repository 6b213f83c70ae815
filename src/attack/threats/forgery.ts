import type { JsonObject } from '../../model/json.ts';
import { type Attack, completed, failedByItself, harmless, settled } from '../attack.ts';
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
  const levels = 50_000;
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

const _OUTPUT = new TextEncoder().encode('1');
const PROTOCOL = settled('trapped', 'ERR_GUEST_PROTOCOL');

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
    failedByItself('c0ffee_4711'),
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
    failedByItself('__proto__'),
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
  writing(
    'output-prototype',
    'write a key that changes every object',
    '{"__proto__":{"polluted":true}}',
    completed(),
  ),
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
      outputSchema: { items: { anyOf: Array.from({ length: 900 }, (_, n) => ({ const: n + 100 })) } },
      limits: { output_bytes: 2 * 1024 * 1024 },
    },
    expect: settled('failed', 'ERR_OUTPUT_SCHEMA'),
  },
  deep('in-place', 'return what nests fifty thousand levels deep, to be compared in place', {
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
];
