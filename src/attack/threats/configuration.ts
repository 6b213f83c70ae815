import type { GrantInput } from '../../model/grant.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { type Attack, callRefused, harmless, notAdmitted, refused, settled } from '../attack.ts';
import { courier, httpGrant } from '../guests/courier.ts';
import { ECHO_TEXT, guestText } from '../guests/text.ts';

const URL_OK = 'http://bound.test/ok';
const EVIL = 'http://other.test/ok';
const NARROW = httpGrant({ hosts: ['bound.test'] });

/** A step that wants more than its handler has. */
const widening = (
  id: string,
  tries: string,
  grants: readonly GrantInput[],
  url: string,
  expect: Attack['expect'],
): Attack => ({
  id: `widen-${id}`,
  threat: 'configuration',
  tries,
  by: courier([url], {
    grants: [NARROW],
    step: {
      context: { requests: [{ url }] },
      initialization: { $broker: { grants } as unknown as JsonValue },
    },
  }),
  expect,
});

/** A manifest that wants more than policy gives, or the other way round. */
const listed = (
  id: string,
  tries: string,
  requests: readonly GrantInput[],
  grants: readonly GrantInput[],
  expect: Attack['expect'],
): Attack => ({
  id: `list-${id}`,
  threat: 'configuration',
  tries,
  by: courier([EVIL], { requests, grants }),
  expect,
});

const reference = (
  id: string,
  tries: string,
  text: string,
  expect: Attack['expect'] = refused('ERR_REFERENCE_UNRESOLVED'),
): Attack => ({
  id: `reference-${id}`,
  threat: 'configuration',
  tries,
  by: {
    kind: 'handler',
    module: { wat: ECHO_TEXT },
    step: {
      initialization: { input: { value: text } },
      context: { own: 1 },
      dependencies: { before: { a: 1 } },
    },
  },
  expect,
});

const configured = (
  id: string,
  tries: string,
  configSchema: JsonObject,
  config: JsonObject,
  expect: Attack['expect'],
): Attack => ({
  id: `schema-${id}`,
  threat: 'configuration',
  tries,
  by: { kind: 'handler', module: { wat: guestText({}) }, configSchema, step: { initialization: config } },
  expect,
});

const template = (id: string, tries: string, resultSchema: JsonValue): Attack => ({
  id: `template-${id}`,
  threat: 'configuration',
  tries,
  by: { kind: 'handler', module: { wat: guestText({}) }, step: { resultSchema } },
  expect: refused('ERR_TEMPLATE_INVALID'),
});

const limited = (id: string, tries: string, limits: JsonObject, expect: Attack['expect']): Attack => ({
  id: `limit-${id}`,
  threat: 'configuration',
  tries,
  by: {
    kind: 'handler',
    module: { wat: guestText({ body: '(loop $again (br $again)) (i32.const 0)' }) },
    limits: { fuel: 1_000_000 },
    step: { initialization: { $broker: { limits } } },
  },
  expect,
});

const SLOW_PATTERN = '^(([a-z])+.)+[A-Z]([a-z])+$';
const deep = (levels: number): JsonObject => {
  let schema: JsonObject = { type: 'object' };
  for (let level = 0; level < levels; level += 1) schema = { properties: { a: schema } };
  return schema;
};

export const CONFIGURATION_ATTACKS: readonly Attack[] = [
  widening(
    'host',
    'grant itself another host',
    [httpGrant({ hosts: ['*'] })],
    EVIL,
    callRefused('ERR_GRANT_MISSING'),
  ),
  widening(
    'network',
    'grant itself the network behind',
    [httpGrant({ private_networks: ['0.0.0.0/0'] })],
    'http://bound.test/ok',
    harmless([200], ['93.184.215.14 80']),
  ),
  widening(
    'capability',
    'grant itself a capability that its handler does not have',
    [httpGrant(), { capability: 'secret_read', names: ['*'] }],
    EVIL,
    callRefused('ERR_GRANT_MISSING'),
  ),
  widening(
    'nothing',
    'leave itself an empty list, in the hope that it means everything',
    [],
    URL_OK,
    refused('ERR_GRANT_MISSING'),
  ),
  widening(
    'long-list',
    'have lists of ten thousand hosts compared each with each',
    [httpGrant({ hosts: Array.from({ length: 10_000 }, (_, n) => `h${n}.test`) })],
    EVIL,
    refused('ERR_CONFIG_SCHEMA'),
  ),
  {
    id: 'widen-unknown-key',
    threat: 'configuration',
    tries: 'set something else under $broker',
    by: courier([EVIL], {
      grants: [NARROW],
      step: { context: { requests: [] }, initialization: { $broker: { policy: 'mine' } } },
    }),
    expect: refused('ERR_CONFIG_SCHEMA'),
  },
  listed('requested-only', 'request what nobody granted', [httpGrant()], [], refused('ERR_GRANT_MISSING')),
  listed('granted-only', 'use what it never requested', [], [httpGrant()], refused('ERR_GRANT_MISSING')),
  listed(
    'empty-hosts',
    'have a grant without hosts mean all of them',
    [httpGrant()],
    [httpGrant({ hosts: [] })],
    refused('ERR_GRANT_MISSING'),
  ),
  listed(
    'empty-methods',
    'have a grant without methods mean all of them',
    [httpGrant()],
    [httpGrant({ methods: [] })],
    refused('ERR_GRANT_MISSING'),
  ),
  listed(
    'disjoint',
    'add up two grants that have nothing in common',
    [httpGrant({ hosts: ['other.test'] })],
    [httpGrant({ hosts: ['bound.test'] })],
    refused('ERR_GRANT_MISSING'),
  ),
  listed(
    'crossed',
    'take the host of one grant and the method of another',
    [httpGrant()],
    [
      httpGrant({ hosts: ['other.test'], methods: ['POST'] }),
      httpGrant({ hosts: ['bound.test'], methods: ['GET'] }),
    ],
    callRefused('ERR_GRANT_MISSING'),
  ),
  limited(
    'raise',
    'raise its own limit of fuel',
    { fuel: 9_000_000_000_000 },
    settled('exhausted', 'ERR_LIMIT_FUEL'),
  ),
  limited('zero', 'switch a limit off by zero', { fuel: 0 }, refused('ERR_CONFIG_SCHEMA')),
  limited('unknown', 'set a limit that does not exist', { nothing: 1 }, refused('ERR_CONFIG_SCHEMA')),
  reference('other-step', 'read the result of a step it does not depend on', '${steps.secret.result}'),
  reference('prototype', 'read what every object has', '${task.context.__proto__.constructor}'),
  reference(
    'length',
    'read a property of text that is none of the data',
    '${steps.before.result.a.constructor.name}',
  ),
  reference('environment', 'read the environment of the broker', '${env.DATABASE_URL}'),
  reference('malformed', 'confuse the reader of references', '${task.context.${steps.before.result.a}}'),
  reference(
    'text',
    'nothing: a doubled dollar is text',
    '$${steps.secret.result}',
    harmless({ value: '${steps.secret.result}' }),
  ),
  {
    id: 'reference-bomb',
    threat: 'configuration',
    tries: 'have a few references become gigabytes',
    by: {
      kind: 'handler',
      module: { wat: ECHO_TEXT },
      step: {
        context: { large: 'x'.repeat(1_000_000) },
        initialization: { input: Array.from({ length: 2000 }, () => '${task.context.large}') },
      },
    },
    expect: refused('ERR_INPUT_TOO_LARGE'),
  },
  {
    id: 'reference-deep',
    threat: 'configuration',
    tries: 'nest a configuration until the reader gives up',
    by: {
      kind: 'handler',
      module: { wat: ECHO_TEXT },
      step: { initialization: { input: JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as JsonValue } },
    },
    expect: refused('ERR_REFERENCE_UNRESOLVED'),
  },
  {
    id: 'handler-by-path',
    threat: 'configuration',
    tries: 'have a path run instead of a handler',
    by: { kind: 'handler', module: { wat: ECHO_TEXT }, step: { callable: '../../etc/passwd' } },
    expect: refused('ERR_HANDLER_UNKNOWN'),
  },
  configured(
    'regex',
    'have a pattern of its schema match for ever',
    { properties: { a: { type: 'string', pattern: SLOW_PATTERN } } },
    { a: `${'a'.repeat(60)}!` },
    refused('ERR_CONFIG_SCHEMA'),
  ),
  configured(
    'deep',
    'nest a schema a thousand levels deep',
    deep(1000),
    {},
    notAdmitted('ERR_MANIFEST_INVALID'),
  ),
  configured(
    'large',
    'have a schema of a megabyte',
    { description: 'x'.repeat(1_000_000) },
    {},
    notAdmitted('ERR_MANIFEST_INVALID'),
  ),
  configured(
    'remote',
    'have a schema fetch another',
    { $ref: 'http://evil.test/schema.json' },
    {},
    notAdmitted('ERR_MANIFEST_INVALID'),
  ),
  configured(
    'unknown',
    'configure what the schema does not know',
    { additionalProperties: false },
    { extra: 1 },
    refused('ERR_CONFIG_SCHEMA'),
  ),
  template('regex', 'check results by a pattern that takes for ever', {
    type: 'string',
    pattern: SLOW_PATTERN,
  }),
  template('recursive', 'check results by a schema that refers to itself', {
    $ref: '#/$defs/a',
    $defs: { a: { $ref: '#/$defs/a' } },
  }),
  template('doubling', 'check results by a schema that doubles at every level', doubling(20)),
];

function doubling(levels: number): JsonObject {
  const definitions = Array.from({ length: levels }, (_, n) => [
    `a${n}`,
    n === levels - 1 ? true : { allOf: [{ $ref: `#/$defs/a${n + 1}` }, { $ref: `#/$defs/a${n + 1}` }] },
  ]);
  return { $ref: '#/$defs/a0', $defs: Object.fromEntries(definitions) };
}
