import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from '../../src/admin/server.ts';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { quarantinePorts } from '../../src/cli/admin-ports.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { BOMB_LIMITS, HEAP_BOMB, LOG_GRANT } from '../guests/heap-bomb.ts';
import { wasmBroker } from '../support/wasm-broker.ts';

/** Each command is a process of its own; on a busy machine that takes its time. */
const PATIENCE_MS = 120_000;
const TOKEN = 'a token of some length';
const folder = mkdtempSync(join(tmpdir(), 'quarantine-'));
const config = join(folder, 'broker.toml');
let sandbox: Sandbox;
let server: AdminServer;
let digest: string;
beforeAll(async () => {
  sandbox = createSandbox({ lanes: 1, laneHeapMb: 16, limits: BOMB_LIMITS });
  const artifact = await sandbox.admit(HEAP_BOMB);
  digest = artifact.digest;
  for (const input of ['1', '2', '3']) await sandbox.execute(artifact, { input, grants: [LOG_GRANT] });
  const entry = { name: 'bomb', version: '1.2.0', artifact, configSchema: {}, checkOutput: null };
  const catalog = createCatalog([{ ...entry, checkConfig: async () => ({ allowed: true }) }]);
  server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    ports: {
      ...quarantinePorts(sandbox, catalog),
      metrics: async () => '',
      obstacles: () => [],
      status: () => {
        throw new Error('not asked for here');
      },
      configure: () => {},
      waiting: async () => [],
      decide: async () => {},
    },
  });
  writeFileSync(config, `[admin]\ntoken = "${TOKEN}"\nport = ${new URL(server.url).port}\n`);
});
afterAll(async () => {
  await server.close();
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

const quarantine = (...args: string[]) => wasmBroker(['quarantine', ...args, '--config', config]);
const release = (of: string, token = TOKEN) =>
  fetch(`${server.url}/v1/quarantine/${of}/release`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });

describe('a module in quarantine', () => {
  it('is seen and released only by those with the token', async () => {
    expect((await fetch(`${server.url}/v1/quarantine`)).status).toBe(401);
    expect((await release(digest, 'another token of some length')).status).toBe(401);
    expect((await fetch(`${server.url}/v1/quarantine/${digest}/release`, { method: 'POST' })).status).toBe(
      401,
    );
    expect(sandbox.status.quarantined).toEqual([digest]);
  });

  it(
    'is listed with its handlers, released by the command line, and runs again',
    async () => {
      const listed = await quarantine('list', '--json');
      expect(JSON.parse(listed.stdout)).toEqual({ quarantined: [{ digest, handlers: ['bomb@1.2.0'] }] });
      expect((await quarantine('list')).stdout).toMatch(new RegExp(`^${digest} {2}bomb@1\\.2\\.0$`, 'm'));
      expect(await quarantine('release', digest)).toMatchObject({
        code: 0,
        stdout: `${digest} may run again\n`,
      });
      expect((await quarantine('list')).stdout).toBe('no module is in quarantine\n');
      const artifact = await sandbox.admit(HEAP_BOMB);
      expect(await sandbox.execute(artifact, { input: '"spare"', grants: [LOG_GRANT] })).toMatchObject({
        kind: 'completed',
      });
    },
    PATIENCE_MS,
  );

  it('that is in none cannot be released', async () => {
    expect((await release(`sha256:${'0'.repeat(64)}`)).status).toBe(404);
    expect(await quarantine('release', 'sha256:none')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_BROKER_REFUSED: POST /v1/quarantine/sha256%3Anone/release'),
    });
  });
});

describe('the command line without a broker to ask', () => {
  it('says what is missing: a broker, or the token', async () => {
    expect(await quarantine('list', '--url', 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_BROKER_UNREACHABLE: no broker answers at http://127.0.0.1:1'),
    });
    const silent = join(folder, 'silent.toml');
    writeFileSync(silent, '[admin]\nport = 1\n');
    expect(await wasmBroker(['quarantine', 'list', '--config', silent])).toMatchObject({
      stderr: expect.stringContaining('[admin] token is needed'),
    });
  });
});
