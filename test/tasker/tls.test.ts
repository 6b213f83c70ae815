import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/standalone/embedded-postgres.ts';
import { installSchema } from '../../src/standalone/schema/install.ts';
import { openDatabase } from '../../src/tasker/connection.ts';
import { inspectDatabase } from '../../src/tasker/inspect-database.ts';
import { createTaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createCertificate, type TestCertificate } from '../host/support/certificate.ts';
import { StateDirs } from '../standalone/support/state-dirs.ts';

const NAMESPACE = 'wasm_tls';

describe('PostgreSQL over TLS', () => {
  const dirs = new StateDirs();
  const folder = mkdtempSync(join(tmpdir(), 'broker-tls-'));
  const certificate = createCertificate('localhost');
  const caFile = join(folder, 'ca.pem');
  const otherCaFile = join(folder, 'other.pem');
  let server: EmbeddedPostgres;

  beforeAll(async () => {
    writeFileSync(caFile, certificate.cert);
    writeFileSync(otherCaFile, createCertificate('localhost').cert);
    server = await startEmbeddedPostgres({ stateDir: await dirs.create(), durable: false });
    await installSchema(server.url);
    await switchTlsOn(server.url, certificate);
  });

  afterAll(async () => {
    await server.stop();
    await dirs.removeAll();
    rmSync(folder, { recursive: true });
  });

  const url = (host: string, parameters: Readonly<Record<string, string>> = {}): string => {
    const changed = new URL(server.url);
    changed.hostname = host;
    for (const [name, value] of Object.entries(parameters)) changed.searchParams.set(name, value);
    return changed.href;
  };
  const isEncrypted = async (databaseUrl: string, ca: string | null = null): Promise<boolean> => {
    const database = openDatabase(databaseUrl, { caFile: ca });
    try {
      return (await inspectDatabase(database, { namespace: NAMESPACE })).tls;
    } finally {
      await database.close();
    }
  };

  it('serves a broker: pool, listening session and all, with the server verified', async () => {
    const queue = await createTaskerQueue({
      databaseUrl: url('localhost', { sslmode: 'verify-full' }),
      databaseCaFile: caFile,
      namespace: NAMESPACE,
    });
    const sessions = await sql(
      server.url,
      `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'wasm-broker'`,
    );
    expect(sessions).toEqual([{ ssl: true }]);
    await queue.close();
  });

  it.each<[string, string, Record<string, string>, 'ca' | null, boolean]>([
    ['off without a word about it', 'localhost', {}, null, false],
    ['off by sslmode=disable', 'localhost', { sslmode: 'disable' }, null, false],
    ['on and verified by a CA alone', 'localhost', {}, 'ca', true],
    [
      'on without a look at the certificate by sslmode=require',
      '127.0.0.1',
      { sslmode: 'require' },
      null,
      true,
    ],
    ['on without a look at the host by sslmode=verify-ca', '127.0.0.1', { sslmode: 'verify-ca' }, 'ca', true],
  ])('is %s', async (_what, host, parameters, ca, encrypted) => {
    expect(await isEncrypted(url(host, parameters), ca === null ? null : caFile)).toBe(encrypted);
  });

  it('takes the CA from the URL too', async () => {
    expect(await isEncrypted(url('localhost', { sslmode: 'verify-full', sslrootcert: caFile }))).toBe(true);
  });

  it.each<[string, string, Record<string, string>, 'other' | null, RegExp]>([
    [
      'another CA',
      'localhost',
      { sslmode: 'verify-full' },
      'other',
      /is refused \(\w+\); set \[database\] ca_file/,
    ],
    [
      'no CA that it knows',
      'localhost',
      { sslmode: 'verify-full' },
      null,
      /is refused \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    ],
    ['another CA, by verify-ca', 'localhost', { sslmode: 'verify-ca' }, 'other', /is refused/],
    ['another CA, by require with a CA', 'localhost', { sslmode: 'require' }, 'other', /is refused/],
  ])('refuses a server with %s', async (_what, host, parameters, ca, message) => {
    await expect(isEncrypted(url(host, parameters), ca === null ? null : otherCaFile)).rejects.toMatchObject({
      code: 'ERR_DATABASE_TLS',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a server whose certificate is for another host, before it sends a password', async () => {
    const start = createTaskerQueue({
      databaseUrl: url('127.0.0.1', { sslmode: 'verify-full' }),
      databaseCaFile: caFile,
      namespace: NAMESPACE,
    });
    const error = await start.catch((caught) => caught);
    expect(error).toMatchObject({
      code: 'ERR_DATABASE_TLS',
      message: expect.stringMatching(
        /^expected PostgreSQL at 127\.0\.0\.1:\d+\/tasker over TLS.* is for another host/,
      ),
    });
    expect(JSON.stringify(error)).not.toContain(new URL(server.url).password);
  });

  it('refuses a server that offers no TLS', async () => {
    await sql(server.url, `ALTER SYSTEM SET ssl = off`);
    await reloaded(server.url, 'off');
    await expect(isEncrypted(url('localhost', { sslmode: 'verify-full' }), caFile)).rejects.toMatchObject({
      code: 'ERR_DATABASE_TLS',
      message: expect.stringContaining('the server offers none'),
    });
    await sql(server.url, `ALTER SYSTEM SET ssl = on`);
    await reloaded(server.url, 'on');
  });
});

describe('the TLS parameters of a database URL', () => {
  it.each([
    ['sslmode=prefer', null, /expected sslmode disable, require, verify-ca, verify-full, got prefer/],
    ['sslmode=no-verify', null, /got no-verify/],
    ['ssl=true', null, /expected of TLS only sslmode, sslrootcert, sslcert, sslkey, got ssl/],
    ['sslnegotiation=direct', null, /got sslnegotiation/],
    ['sslmode=verify-ca', null, /needs a CA/],
    ['sslmode=disable', '/a/ca.pem', /a CA file and sslmode=disable/],
    ['sslmode=verify-full', '/no/such/ca.pem', /cannot read the CA file: ENOENT/],
    ['sslmode=require&sslkey=/no/such/key', null, /cannot read the sslkey: ENOENT/],
  ])('%s is refused', (parameters, caFile, message) => {
    expect(() => openDatabase(`postgres://u:hunter2@localhost/x?${parameters}`, { caFile })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message: expect.stringMatching(message) }),
    );
  });
});

async function sql(databaseUrl: string, statement: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(statement, values)).rows;
  } finally {
    await client.end();
  }
}

/** The server writes its files itself, as the account it runs as: it accepts no key that others may read. */
async function switchTlsOn(databaseUrl: string, { cert, key }: TestCertificate): Promise<void> {
  for (const [name, pem] of Object.entries({ 'server.crt': cert, 'server.key': key })) {
    const rows = pem
      .trim()
      .split('\n')
      .map((line) => `('${line}')`);
    await sql(databaseUrl, `COPY (VALUES ${rows.join(', ')}) TO PROGRAM 'umask 077 && cat > ${name}'`);
  }
  await sql(databaseUrl, `ALTER SYSTEM SET ssl = on`);
  await reloaded(databaseUrl, 'on');
}

/** The postmaster reads its settings again when it gets round to it; sessions that start after that have them. */
async function reloaded(databaseUrl: string, ssl: string): Promise<void> {
  await sql(databaseUrl, `SELECT pg_reload_conf()`);
  await vi.waitFor(async () => expect(await sql(databaseUrl, `SHOW ssl`)).toEqual([{ ssl }]), 10_000);
}
