import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../src/host/egress/http-client.ts';
import { createVaultReader, type VaultOptions } from '../../../src/host/secrets/places/vault.ts';
import { createSecretSource, firstOf } from '../../../src/host/secrets/secret-source.ts';
import { createCertificate } from '../support/certificate.ts';
import { resolverOf } from '../support/guest.ts';
import { startServer } from '../support/web.ts';

async function withFile(name: string, content: string, use: (folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'secret-places-'));
  try {
    await writeFile(join(folder, name), content);
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a secret in the environment', () => {
  it('may be in the file that NAME_FILE names', async () => {
    await withFile('token', 'from the file\r\n', async (folder) => {
      const source = createSecretSource({ A: { env: 'TOKEN' } }, { TOKEN_FILE: join(folder, 'token') });
      expect(await source.get('A')).toBe('from the file');
    });
  });

  it('is not guessed where both are set', async () => {
    const source = createSecretSource({ A: { env: 'TOKEN' } }, { TOKEN: 'value', TOKEN_FILE: '/dev/null' });
    await expect(source.get('A')).rejects.toThrow('both TOKEN and TOKEN_FILE are set');
  });
});

describe('a secret in a folder', () => {
  it('is the file of its name, or the one that key names', async () => {
    await withFile('api_token', 'from the folder\n', async (directory) => {
      const source = createSecretSource(
        { api_token: { directory }, A: { directory, key: 'api_token' }, B: { directory } },
        {},
      );
      expect(await source.get('api_token')).toBe('from the folder');
      expect(await source.get('A')).toBe('from the folder');
      expect(await source.get('B')).toBeNull();
    });
  });
});

/** KV version 2 as Vault serves it: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 */
const vault: RequestListener = (request, response) => {
  const json = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (request.headers['x-vault-token'] !== 'root-token') return json(403, { errors: ['permission denied'] });
  if (request.url === '/v1/kv/data/apps/orders') {
    return json(200, {
      request_id: 'r',
      data: { data: { api_token: 'from vault', number: 5 }, metadata: { version: 3, destroyed: false } },
    });
  }
  if (request.url === '/v1/kv/data/apps/deleted') return json(404, { data: { data: null, metadata: {} } });
  if (request.url === '/v1/kv/data/odd') return json(200, { data: null });
  return json(404, { errors: [] });
};

const readerOf = (port: number, options: Partial<VaultOptions> = {}) =>
  createVaultReader({
    http: createHttpClient(),
    address: `http://127.0.0.1:${port}`,
    mount: 'kv',
    token: async () => 'root-token',
    ...options,
  });

describe('a secret in a Vault', () => {
  it('is a field of an entry, read at every use', async () => {
    await using server = await startServer(vault);
    const places = { api_token: { vault: 'apps/orders' }, A: { vault: 'apps/orders', key: 'api_token' } };
    const source = createSecretSource(places, {}, readerOf(server.port, { namespace: 'team' }));
    expect(await source.get('api_token')).toBe('from vault');
    expect(await source.get('A')).toBe('from vault');
    expect(server.requests.map(({ path }) => path)).toEqual(Array(2).fill('/v1/kv/data/apps/orders'));
    expect(server.requests[0]?.headers).toMatchObject({
      'x-vault-namespace': 'team',
      'x-vault-request': 'true',
    });
  });

  it('is missing where entry or field are missing or deleted', async () => {
    await using server = await startServer(vault);
    const read = readerOf(server.port);
    expect(await read('apps/orders', 'toString')).toBeUndefined();
    expect(await read('apps/deleted', 'api_token')).toBeUndefined();
    expect(await read('apps/none', 'api_token')).toBeUndefined();
  });

  it.each<[string, Partial<VaultOptions>, string, string]>([
    ['the token is refused', { token: async () => 'other' }, 'apps/orders', 'Vault answered 403'],
    ['there is no token', { token: async () => undefined }, 'apps/orders', 'there is no Vault token'],
    ['the field is no string', {}, 'apps/orders', 'the field number is not a string'],
    ['it answers something else', {}, 'odd', 'something else than an entry'],
  ])('is an error where %s, without a value in it', async (_, options, path, message) => {
    await using server = await startServer(vault);
    const failed = readerOf(server.port, options)(path, 'number');
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.not.toThrow('from vault');
  });

  it('is an error where nobody answers in time', async () => {
    await using silent = await startServer(() => {});
    await expect(readerOf(silent.port, { timeoutMs: 20 })('apps/orders', 'a')).rejects.toThrow(/Vault|time/i);
  });

  it('is asked for over TLS with the name verified', async () => {
    const tls = createCertificate('vault.test');
    await using server = await startServer(vault, { tls });
    const resolve = resolverOf({ 'vault.test': ['127.0.0.1'], 'else.test': ['127.0.0.1'] });
    const http = createHttpClient({ ca: tls.cert, resolve });
    const right = readerOf(0, { http, address: `https://vault.test:${server.port}` });
    expect(await right('apps/orders', 'api_token')).toBe('from vault');
    const wrong = readerOf(0, { http, address: `https://else.test:${server.port}` });
    await expect(wrong('apps/orders', 'api_token')).rejects.toThrow('ERR_HTTP_FAILED');
  });

  it('cannot reach another path by its name', async () => {
    await using server = await startServer(vault);
    await expect(readerOf(server.port)('../../sys/seal', 'a')).rejects.toThrow('expected a path');
    await readerOf(server.port)('a?b=c#d', 'a');
    expect(server.requests.map(({ path }) => path)).toEqual(['/v1/kv/data/a%3Fb%3Dc%23d']);
  });
});

describe('several sources', () => {
  it('are asked in order', async () => {
    const one = createSecretSource({ A: { env: 'A' } }, { A: 'first' });
    const two = createSecretSource({ A: { env: 'A' }, B: { env: 'B' } }, { A: 'second', B: 'only here' });
    const source = firstOf(one, two);
    expect([await source.get('A'), await source.get('B'), await source.get('C')]).toEqual([
      'first',
      'only here',
      null,
    ]);
  });
});
