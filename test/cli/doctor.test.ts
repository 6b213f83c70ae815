import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { wasmBroker } from '../support/wasm-broker.ts';

interface Line {
  readonly area: string;
  readonly subject: string;
  readonly status: string;
  readonly detail: string;
}

const TEMPLATE = `name: orders
namespace_name: wasm_doctor
version: 1.0.0
steps:
  - name: fetch
    handler: { callable: http_request, initialization: { url: "https://api.test" } }
`;
const CONFIG = `
[database]
url = "\${env.DOCTOR_URL}"
[worker]
namespace = "wasm_doctor"
templates = ["orders.yaml"]
[[grants.http_request]]
capability = "http"
schemes = ["https"]
hosts = ["api.test"]
ports = [443]
methods = ["GET"]
[secrets.TOKEN]
env = "DOCTOR_TOKEN"
`;
const VALUE = 'a-value-that-stays-here';

describe('wasm-broker doctor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'broker-doctor-'));
  let database: TestDatabase;
  let url: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    url = await database.forBroker('wasm_doctor');
    writeFileSync(join(folder, 'broker.toml'), CONFIG);
    writeFileSync(join(folder, 'orders.yaml'), TEMPLATE);
  });

  afterAll(async () => {
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  const doctor = async (args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) => {
    const variables = { DOCTOR_URL: url, DOCTOR_TOKEN: VALUE, ...env };
    const ended = await wasmBroker(['doctor', ...args], { cwd: folder, env: variables });
    expect(ended.stdout + ended.stderr).not.toContain(VALUE);
    expect(ended.stdout + ended.stderr).not.toContain(new URL(url).password);
    return ended;
  };
  const linesOf = (stdout: string, area: string) =>
    (JSON.parse(stdout).lines as Line[])
      .filter((line) => line.area === area)
      .map(({ status, subject, detail }) => `${status} ${subject}: ${detail}`);
  const query = async (sql: string) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(sql);
    await client.end();
  };

  it('finds a broker that can start healthy, as a table', async () => {
    const { code, stdout } = await doctor();
    expect(stdout).toMatch(/^ok +node +Node 2\d\./m);
    expect(stdout).toMatch(/^ok +database +role wasm_broker_least +no superuser/m);
    expect(stdout).toMatch(/^ok +queues +worker_wasm_doctor_queue +messages: 0$/m);
    expect(stdout).toMatch(/^ok +handlers +transform@0\.1\.0 +sha256:[0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^ok +secrets +TOKEN +has a value, from the variable DOCTOR_TOKEN$/m);
    expect(stdout).toMatch(/^ok +templates +wasm_doctor\/orders 1\.0\.0 /m);
    expect(stdout).toMatch(/^\d+ ok, \d+ warnings, 0 errors$/m);
    expect(code).toBe(0);
  });

  it('says of everything that is wrong what it is, and ends with 1', async () => {
    const broken = CONFIG.replace('wasm_doctor', 'other')
      .replace('[[grants.http_request]]', '[[grants.nobody]]')
      .replace(
        '[secrets',
        '[[grants.transform]]\ncapability = "time"\n[[grants.transform]]\ncapability = "secret_read"\nnames = ["TOKEN"]\n[secrets',
      );
    writeFileSync(join(folder, 'broken.toml'), broken);
    const { code, stdout } = await doctor(['--config', 'broken.toml', '--json'], { DOCTOR_TOKEN: 'short' });
    expect(code).toBe(1);
    expect(JSON.parse(stdout).healthy).toBe(false);
    expect(linesOf(stdout, 'database')).toContainEqual(
      expect.stringMatching(
        /^error queue worker_other_queue: expected to exist, got none, and no right to create it; run what/,
      ),
    );
    expect(linesOf(stdout, 'secrets')).toEqual([
      'error TOKEN: has no value of 8 to 16384 bytes, from the variable DOCTOR_TOKEN',
    ]);
    expect(linesOf(stdout, 'templates')).toEqual([
      expect.stringMatching(/^error wasm_doctor\/orders 1\.0\.0: 2 errors; wasm-broker check /),
    ]);
    expect(linesOf(stdout, 'grants')).toEqual([
      'warning [[grants.nobody]] 1, http: there is no such handler; remove it',
      'warning [[grants.transform]] 1, time: no handler requests anything it covers; remove it',
      'warning [[grants.transform]] 2, secret_read: no handler requests anything it covers; remove it',
      expect.stringMatching(
        /^warning \[\[grants\.transform\]\], secret_read: the handler is handed the value of TOKEN/,
      ),
      'warning http_request@0.1.0, http: not granted: its steps are refused with ERR_GRANT_MISSING',
      'ok http_request@0.1.0, secret: requested and not granted: it goes without',
      'warning notify@0.1.0, http: not granted: its steps are refused with ERR_GRANT_MISSING',
      'ok notify@0.1.0, secret: requested and not granted: it goes without',
    ]);
  });

  it('goes on without a database, and says where it looked', async () => {
    const { code, stdout } = await doctor(['--json'], { DOCTOR_URL: 'postgres://u:p@127.0.0.1:9/tasker' });
    expect(code).toBe(1);
    expect(linesOf(stdout, 'database')).toEqual([
      expect.stringMatching(/^error ERR_DATABASE_UNAVAILABLE: expected PostgreSQL at 127\.0\.0\.1:9\/tasker/),
    ]);
    expect(linesOf(stdout, 'handlers').length).toBeGreaterThan(5);
  });

  it('shows every difference of a database, with its cure', async () => {
    await query(`ALTER TABLE tasker.workflow_steps DROP COLUMN checkpoint`);
    const { code, stdout } = await doctor(['--json']);
    expect(code).toBe(1);
    expect(linesOf(stdout, 'database')).toContainEqual(
      expect.stringContaining(
        'error column tasker.workflow_steps.checkpoint: expected jsonb, got none; apply Tasker',
      ),
    );
    await query(`ALTER TABLE tasker.workflow_steps ADD COLUMN checkpoint jsonb`);
  });

  it('names a handler that cannot be admitted, beside the others', async () => {
    const handlers = mkdtempSync(join(folder, 'handlers-'));
    const config = `${CONFIG}\n[catalog]\nfolders = ["${handlers}"]\n`;
    writeFileSync(join(folder, 'more.toml'), config);
    const handler = mkdtempSync(join(handlers, 'odd-'));
    writeFileSync(join(handler, 'manifest.json'), '{"name":"odd","version":"1.0.0","abi":"tasker-core/1"}');
    writeFileSync(join(handler, 'handler.wasm'), 'no module');
    const { code, stdout } = await doctor(['--config', 'more.toml', '--json']);
    expect(code).toBe(1);
    const errors = linesOf(stdout, 'handlers').filter((line) => line.startsWith('error'));
    expect(errors).toEqual([expect.stringMatching(/^error odd-\w+: malformed-header: /)]);
  });

  it('prints SQL that makes a role with which it is healthy', async () => {
    const { stdout: sql } = await doctor(['--sql', '--role', 'printed_role']);
    await query(sql);
    await query(`ALTER ROLE printed_role PASSWORD 'printed'`);
    const printed = new URL(url);
    printed.username = 'printed_role';
    printed.password = 'printed';
    const { code, stdout } = await doctor(['--json'], { DOCTOR_URL: printed.href });
    expect(linesOf(stdout, 'database')).toContainEqual(expect.stringContaining('ok role printed_role'));
    expect(code).toBe(0);
  });

  it('takes only a name for the role', async () => {
    const { code, stderr } = await doctor(['--sql', '--role', 'a\nDROP TABLE x;']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ERR_USAGE: --role: expected/);
  });
});
