import { AT_EXAMPLE, DEAD, PUBLIC, PUBLIC_2, PUBLIC_V6, type Row } from '../row.ts';

/* What a hostile resolver answers: something else the second time, or good and bad together. */

const INSIDE = 'ERR_HTTP_ADDRESS';

function rebinding(
  answers: readonly (readonly string[])[],
  times: number,
  expect: Row['expect'],
  dialled: readonly string[],
  path = '/ok',
): Row {
  const url = `http://rebind.test${path}`;
  const note = `${answers.map((answer) => answer.join('+') || 'nothing').join(', then ')}; sent ${times}x`;
  return { class: 'rebinding', url, note, times, zone: { 'rebind.test': answers }, expect, dialled };
}

const REBINDING: readonly Row[] = [
  // One request is one lookup: what was checked is dialled.
  rebinding([[PUBLIC], ['127.0.0.1']], 1, 'ok', AT_EXAMPLE),
  rebinding([[PUBLIC], ['169.254.169.254']], 1, 'ok', AT_EXAMPLE),
  rebinding([[PUBLIC], ['::1']], 1, 'ok', AT_EXAMPLE),
  rebinding([[PUBLIC], []], 1, 'ok', AT_EXAMPLE),
  rebinding([[PUBLIC], [PUBLIC_2]], 1, 'ok', AT_EXAMPLE),
  // An open connection is no way around the second check.
  rebinding([[PUBLIC], ['127.0.0.1']], 2, INSIDE, AT_EXAMPLE),
  rebinding([[PUBLIC], ['10.0.0.1']], 2, INSIDE, AT_EXAMPLE),
  rebinding([[PUBLIC], ['169.254.169.254']], 2, INSIDE, AT_EXAMPLE),
  rebinding([[PUBLIC], ['::ffff:127.0.0.1']], 2, INSIDE, AT_EXAMPLE),
  rebinding([[PUBLIC], ['64:ff9b::7f00:1']], 2, INSIDE, AT_EXAMPLE),
  rebinding([[PUBLIC], [PUBLIC, '127.0.0.1']], 2, INSIDE, AT_EXAMPLE),
  rebinding([[PUBLIC], []], 2, 'ERR_HTTP_FAILED', AT_EXAMPLE),
  rebinding([[PUBLIC], [PUBLIC_2]], 2, 'ok', [...AT_EXAMPLE, `${PUBLIC_2} 80`]),
  rebinding([['127.0.0.1'], [PUBLIC]], 1, INSIDE, []),
  rebinding([['127.0.0.1'], [PUBLIC]], 2, 'ok', AT_EXAMPLE),
  // Between two hops of one request.
  rebinding([[PUBLIC], ['127.0.0.1']], 1, INSIDE, AT_EXAMPLE, '/to/302/%2Fok'),
  rebinding([[PUBLIC], [PUBLIC], ['10.0.0.1']], 1, INSIDE, AT_EXAMPLE, '/hops/2'),
  rebinding([[PUBLIC], [PUBLIC_2]], 1, 'ok', [...AT_EXAMPLE, `${PUBLIC_2} 80`], '/to/302/%2Fok'),
];

function mixed(
  addresses: readonly string[],
  expect: Row['expect'],
  dialled: readonly string[] = [],
  rest: Partial<Row> = {},
): Row {
  const note = addresses.join(' + ') || 'nothing';
  const zone = { 'mixed.test': [addresses] };
  return { class: 'mixed answers', url: 'http://mixed.test/ok', note, zone, expect, dialled, ...rest };
}

const tenGranted = { grant: { private_networks: ['10.0.0.0/8'] } };

const MIXED: readonly Row[] = [
  ...[
    '127.0.0.1',
    '10.0.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    'fd00::1',
  ].flatMap((inside) => [mixed([PUBLIC, inside], INSIDE), mixed([inside, PUBLIC], INSIDE)]),
  ...['::ffff:127.0.0.1', '64:ff9b::1', 'fe80::1%lo', 'localhost', '127.1', ''].map((odd) =>
    mixed([PUBLIC, odd], INSIDE),
  ),
  mixed([PUBLIC, PUBLIC_2, PUBLIC_V6, '10.0.0.1'], INSIDE),
  mixed([], 'ERR_HTTP_FAILED'),
  mixed([DEAD], 'ERR_HTTP_FAILED', [`${DEAD} 80`]),
  mixed([PUBLIC, PUBLIC_2], 'ok', AT_EXAMPLE),
  mixed([PUBLIC_V6, PUBLIC], 'ok', [`${PUBLIC_V6} 80`]),
  mixed([DEAD, PUBLIC], 'ok', [`${DEAD} 80`, ...AT_EXAMPLE]),
  mixed([DEAD, PUBLIC, PUBLIC_2], 'ok', [`${DEAD} 80`, ...AT_EXAMPLE]),
  mixed(['10.0.0.1'], 'ok', ['10.0.0.1 80'], tenGranted),
  mixed(['10.0.0.1', PUBLIC], 'ok', ['10.0.0.1 80'], tenGranted),
  mixed(['10.0.0.1', '192.168.0.1'], INSIDE, [], tenGranted),
  mixed(['10.0.0.1', '192.168.0.1'], INSIDE, [], {
    ...tenGranted,
    alsoGranted: { private_networks: ['192.168.0.0/16'] },
    note: 'two networks, of two grants',
  }),
];

export const ANSWERS: readonly Row[] = [...REBINDING, ...MIXED];
