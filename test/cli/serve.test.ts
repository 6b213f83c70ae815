import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENDLESS, guest, text } from '../guests/wat.ts';
import { type RunningCommand, startWasmBroker, wasmBroker } from '../support/wasm-broker.ts';
import { createFixture, type Fixture, readStep } from '../tasker/fixture.ts';

const TOKEN = 'a-token-for-this-test';
const folder = mkdtempSync(join(tmpdir(), 'broker-serve-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder of handlers as an operator has one. */
function addHandler(name: string, bytes: Uint8Array, capabilities: readonly object[] = []): void {
  const path = join(folder, 'handlers', name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'handler.wasm'), bytes);
  writeFileSync(
    join(path, 'manifest.json'),
    JSON.stringify({ name, version: '1.0.0', abi: 'tasker-core/1', capabilities }),
  );
}

describe('wasm-broker serve', () => {
  let fixture: Fixture;
  let running: RunningCommand[];

  beforeAll(() => {
    const wait = text(16, JSON.stringify({ reason: 'may I?', timeout_ms: 60_000 }));
    addHandler('endless', ENDLESS);
    addHandler(
      'gate',
      guest({ imports: ['wait'], fields: wait.field, body: `(call $wait ${wait.args}) (unreachable)` }),
      [{ capability: 'wait', timeout_ms: 60_000 }],
    );
  });
  beforeEach(async () => {
    fixture = await createFixture();
    running = [];
  });
  afterEach(async () => {
    for (const { child, ended } of running) {
      child.kill('SIGKILL');
      await ended;
    }
    await fixture.close();
  });

  const serve = async (graceMs: number): Promise<RunningCommand & { readonly url: string }> => {
    const config = join(folder, 'broker.toml');
    writeFileSync(
      config,
      `[worker]
namespace = "${fixture.namespace}"
lanes = 1
drain_grace_ms = ${graceMs}
[limits]
fuel = ${Number.MAX_SAFE_INTEGER}
wall_ms = 600_000
[admin]
port = 0
token = "\${env.ADMIN_TOKEN}"
[catalog]
builtin = false
folders = ["handlers"]
[[grants.gate]]
capability = "wait"
timeout_ms = 60_000
`,
    );
    const env = { DATABASE_URL: fixture.url, ADMIN_TOKEN: TOKEN };
    const command = startWasmBroker(['serve', '--config', config], { env });
    running.push(command);
    const url = await command.find(/"url":"(http:\/\/127\.0\.0\.1:\d+)"/);
    return { ...command, url };
  };

  const addStep = async (callable: string): Promise<string> => {
    const task = await fixture.createTask({ steps: [{ name: 'greet', handler: { callable } }] });
    return task.addStep('greet');
  };
  const stateOf = async (stepUuid: string) => (await readStep(fixture, stepUuid)).state;

  it('answers probes to everybody and operations to those with the token', async () => {
    const { url } = await serve(0);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
    const status = (token: string) =>
      fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${token}` } });
    expect((await status('wrong')).status).toBe(401);
    expect((await fetch(`${url}/v1/status`)).status).toBe(401);
    expect(await (await status(TOKEN)).json()).toMatchObject({
      namespace: fixture.namespace,
      state: 'running',
      lanes: 1,
      handlers: ['endless@1.0.0', 'gate@1.0.0'],
    });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await metrics.text()).toContain('wasm_broker_lanes_lost_total 0');
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
  });

  it('changes its settings while it runs, by request and by SIGHUP', async () => {
    const { url, child, until } = await serve(0);
    const post = (settings: object) =>
      fetch(`${url}/v1/settings`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify(settings),
      });
    expect((await post({ lanes: 0 })).status).toBe(400);
    expect(await (await post({ lanes: 3, queue_depth: 5, memory_budget_mb: 100 })).json()).toMatchObject({
      lanes: 3,
      slots: 3 * 8 + 5,
      memory_budget_bytes: 100 * 1024 * 1024,
    });
    const config = join(folder, 'broker.toml');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('lanes = 1', 'lanes = nonsense'));
    child.kill('SIGHUP');
    await until(/settings not changed/);
    writeFileSync(config, text.replace('lanes = 1', 'lanes = 2'));
    child.kill('SIGHUP');
    await until(/"lanes":2,.*settings changed/);
  });

  it('on SIGTERM gives back what does not end in time, without its attempt, and ends with 0', async () => {
    const { child, ended } = await serve(100);
    const stepUuid = await addStep('endless');
    await expect.poll(() => stateOf(stepUuid)).toBe('in_progress');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect(await readStep(fixture, stepUuid)).toMatchObject({
      state: 'enqueued_as_error_for_orchestration',
      attempts: 0,
      results: {
        metadata: { retryable: true, error_code: 'ERR_ABORTED' },
        orchestration_metadata: { headers: { 'retry-after': '0' } },
      },
    });
    expect(await fixture.query('SELECT * FROM wasm_broker.instances WHERE stopped_at IS NULL')).toEqual([]);
  });

  it('on a second signal stops at once, and the next broker finds the step', async () => {
    const { child, ended, until } = await serve(600_000);
    const stepUuid = await addStep('endless');
    await expect.poll(() => stateOf(stepUuid)).toBe('in_progress');
    child.kill('SIGTERM');
    await until(/"msg":"draining"/);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(1);
    expect(await stateOf(stepUuid)).toBe('in_progress');
    await serve(0);
    await expect.poll(() => stateOf(stepUuid)).toBe('enqueued_as_error_for_orchestration');
    expect(await readStep(fixture, stepUuid)).toMatchObject({
      attempts: 1,
      results: { metadata: { error_code: 'ERR_ORPHANED', retryable: true } },
    });
  });

  it('does not take steps while the database is away, and says so to its probe', async () => {
    const { url } = await serve(0);
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
    await fixture.breakConnections();
    await expect
      .poll(async () => (await fetch(`${url}/readyz`)).json())
      .toMatchObject({ because: ['the database is not available'] });
    await fixture.allowConnections();
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 15_000 }).toBe(200);
  });

  it('lets people decide about steps that wait, over HTTP and on the command line', async () => {
    const { url } = await serve(0);
    const config = join(folder, 'broker.toml');
    const env = { DATABASE_URL: fixture.url, ADMIN_TOKEN: TOKEN };
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const waiting = async () => {
      const { waiting } = (await (await fetch(`${url}/v1/waiting`, { headers })).json()) as {
        waiting: { stepUuid: string; reason: string }[];
      };
      return waiting;
    };
    const [first, second] = [await addStep('gate'), await addStep('gate')];
    await expect.poll(async () => (await waiting()).length).toBe(2);
    expect(await waiting()).toMatchObject([{ reason: 'may I?' }, { reason: 'may I?' }]);
    const decide = (stepUuid: string, body: object) =>
      fetch(`${url}/v1/waiting/${stepUuid}/decision`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
    expect((await decide(first, { decision: 'maybe', by: 'ada' })).status).toBe(400);
    expect((await decide(first, { decision: 'approved', by: 'ada' })).status).toBe(200);
    expect((await decide(first, { decision: 'approved', by: 'ada' })).status).toBe(404);
    expect(await stateOf(first)).toBe('enqueued_for_orchestration');

    const list = await wasmBroker(['waiting', '--config', config], { env });
    expect(list.stdout).toMatch(new RegExp(`^${second} {2}greet +task_\\d+ .*may I\\?$`, 'm'));
    const how = ['--by', 'bob', '--comment', 'no budget', '--config', config];
    const rejected = await wasmBroker(['decide', second, 'reject', ...how], { env });
    expect(rejected).toMatchObject({ code: 0, stdout: `step ${second} is rejected\n` });
    expect((await readStep(fixture, second)).results?.error?.['message']).toBe('rejected by bob: no budget');
    const again = await wasmBroker(['decide', second, 'approve', ...how], { env });
    expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/^ERR_WAIT_UNKNOWN: /) });
    const none = await wasmBroker(['waiting', '--config', config], { env });
    expect(none.stdout).toBe('no step waits\n');
  });

  it('does not start without its admin server', async () => {
    const { url } = await serve(0);
    const taken = join(folder, 'taken.toml');
    writeFileSync(
      taken,
      `[worker]\nnamespace = "${fixture.namespace}"\n[admin]\nport = ${new URL(url).port}\n`,
    );
    const { code, stderr } = await wasmBroker(['serve', '--config', taken], {
      env: { DATABASE_URL: fixture.url },
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /ERR_CONFIG_INVALID: the admin server cannot listen on .*change \[admin\] port\n$/,
    );
  });
});
