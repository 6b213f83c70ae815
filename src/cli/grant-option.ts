import { isIP } from 'node:net';
import { BrokerError } from '../errors.ts';
import { Grant, type GrantInput } from '../model/grant.ts';
import { parseOrThrow } from '../model/parse.ts';

/** How a grant is written on the command line; shown by `--help`. */
export const GRANT_FORMS =
  'log | time | random | cache=TTL_MS | http=METHOD URL | secret=NAME@HOST | secret_read=NAME | wait=MS | JSON';

/** Reads one `--grant`. A URL with a private address grants that address: whoever writes it means it. */
export function parseGrantOption(text: string): Grant {
  if (text.startsWith('{')) return grantOf(jsonOf(text), text);
  const [capability = '', ...rest] = text.split('=');
  const scope = rest.join('=');
  switch (capability) {
    case 'log':
    case 'time':
    case 'random':
      return grantOf({ capability }, text);
    case 'http':
      return grantOf(httpGrant(scope, text), text);
    case 'secret':
      return grantOf(secretGrant(scope, text), text);
    case 'secret_read':
      return grantOf({ capability, names: [scope] }, text);
    case 'cache':
      return grantOf({ capability, ttl_ms: Number(scope) }, text);
    case 'wait':
      return grantOf({ capability, timeout_ms: Number(scope) }, text);
    default:
      throw wrong(text);
  }
}

function httpGrant(scope: string, text: string): GrantInput {
  const [method = '', address = ''] = scope.trim().split(/\s+/, 2);
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null) throw wrong(text);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const bits = isIP(host) === 4 ? 32 : 128;
  return {
    capability: 'http',
    schemes: [url.protocol === 'http:' ? 'http' : 'https'],
    hosts: [url.hostname],
    ports: [url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port)],
    methods: [method.toUpperCase() as 'GET'],
    path_prefix: url.pathname,
    private_networks: isIP(host) === 0 ? [] : [`${host}/${bits}`],
  };
}

function secretGrant(scope: string, text: string): GrantInput {
  const [name = '', host = ''] = scope.split('@', 2);
  if (name === '' || host === '') throw wrong(text);
  return {
    capability: 'secret',
    names: [name],
    hosts: [host],
    plain_http: isIP(host) !== 0 || host === 'localhost',
  };
}

function grantOf(value: unknown, text: string): Grant {
  return parseOrThrow(Grant, value, 'ERR_USAGE', `--grant ${text}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(text);
  }
}

function wrong(text: string): BrokerError {
  return new BrokerError('ERR_USAGE', `--grant ${text}: expected ${GRANT_FORMS}`);
}
