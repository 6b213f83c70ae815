import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorker, type Worker } from '../../src/cli/worker.ts';
import { loadConfig } from '../../src/config.ts';
import { createEvents } from '../../src/events.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type RunningCommand, startWasmBroker, wasmBroker } from '../support/wasm-broker.ts';

/*
 * The commands that speak Tasker's REST API, as processes, against `wasm-broker standalone` as a process and a broker
 * that runs the steps in this one.
 */

const folder = mkdtempSync(join(tmpdir(), 'broker-tasker-'));
// Root may have to run the embedded server as another account, which must be able to pass.
chmodSync(folder, 0o711);
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const template = (name: string, version: string, steps: string): string =>
  file(
    `${name}-${version}.yaml`,
    `name: ${name}\nnamespace_name: cli\nversion: ${version}\nsteps:\n${steps}\n`,
  );

const CHECKED = `  - name: check
    handler: { callable: validate, initialization: { schema: { type: object, required: [order] } } }
    retry: { max_attempts: 1 }
  - name: reshape
    dependencies: [check]
    handler: { callable: transform, initialization: { mapping: { order: $.order } } }`;
const checked = template('checked', '1.0.0', CHECKED);
const templates = [checked, template('twice', '1.0.0', CHECKED), template('twice', '2.0.0', CHECKED)];

let database: TestDatabase;
let standalone: RunningCommand;
let worker: Worker;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase();
  standalone = startWasmBroker(['standalone', '--port', '0'], { env: { DATABASE_URL: database.url } });
  url = await standalone.find(/REST API on (http:\S+)\n/);
  const config = file(
    'broker.toml',
    `[worker]\nnamespace = "cli"\nlanes = 1\ntemplates = ${JSON.stringify(templates)}\n`,
  );
  const env = {};
  worker = await startWorker({
    config: loadConfig({ file: config, env }),
    databaseUrl: database.url,
    env,
    events: createEvents(),
  });
});
afterAll(async () => {
  await worker?.stop();
  standalone?.child.kill('SIGTERM');
  await standalone?.ended;
  await database?.drop();
  rmSync(folder, { recursive: true });
});

const cli = (...args: string[]) => wasmBroker(args, { env: { TASKER_URL: url } });

let orders = 0;
/** Each context is a new one: Tasker takes the same one for the same task. */
const context = (value: object = { order: ++orders }): string =>
  file(`context-${++orders}.json`, JSON.stringify(value));

const submit = async (value?: object): Promise<string> => {
  const { stdout } = await cli('submit', checked, '--context', context(value), '--wait', '--json');
  return (JSON.parse(stdout) as { task: { task_uuid: string } }).task.task_uuid;
};

describe('wasm-broker submit', () => {
  it('names a template by its file, waits, and shows the task with its steps', async () => {
    const { code, stdout, stderr } = await cli('submit', checked, '--context', context(), '--wait');
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^task [0-9a-f-]{36}: complete {2}cli\/checked@1\.0\.0 {2}2 of 2 steps complete$/m,
    );
    expect(stdout).toMatch(/^check +complete +1 of 1$/m);
    expect(stdout).toMatch(/^reshape +complete +1 of 3$/m);
    expect(code).toBe(0);
  });

  it('returns at once without --wait, and prints what Tasker answered with --json', async () => {
    const { code, stdout } = await cli('submit', 'cli/checked', '--context', context(), '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'checked',
      namespace: 'cli',
      version: '1.0.0',
      initiator: 'wasm-broker submit',
      total_steps: 2,
    });
    expect(code).toBe(0);
  });

  it('ends with 1 when the task does not complete', async () => {
    const { code, stdout } = await cli('submit', checked, '--context', context({ nothing: 1 }), '--wait');
    expect(code).toBe(1);
    expect(stdout).toMatch(/: blocked_by_failures {2}/);
    expect(stdout).toMatch(/^check +error +1 of 1 .*order/m);
    expect(stdout).toMatch(/^reshape +pending +0 of 3$/m);
  });

  it('asks for the version when several are registered', async () => {
    const { code, stderr } = await cli('submit', 'cli/twice', '--context', context());
    expect(code).toBe(2);
    expect(stderr).toBe('ERR_USAGE: cli/twice: expected one registered version, got 1.0.0, 2.0.0\n');
    expect((await cli('submit', 'cli/twice@2.0.0', '--context', context(), '--wait')).code).toBe(0);
  });

  it('says why the same context is refused', async () => {
    const same = context();
    await cli('submit', checked, '--context', same);
    const { code, stderr } = await cli('submit', checked, '--context', same);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ERR_TASKER_REFUSED: POST \/v1\/tasks: Tasker answered 409 CONFLICT: .*change/);
  });

  it.each([
    ['nonsense', /^ERR_USAGE: expected a template file or NAMESPACE\/NAME/],
    ['cli/nothing', /^ERR_USAGE: cli\/nothing: expected one registered version, got none/],
    ['cli/nothing@1.0.0', /^ERR_TASKER_REFUSED: .* 404 NOT_FOUND: Task template not found/],
  ])('refuses %s', async (name, message) => {
    const { code, stderr } = await cli('submit', name, '--context', context());
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('refuses a context that is no JSON object', async () => {
    const { code, stderr } = await cli('submit', checked, '--context', file('list.json', '[1]'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ERR_INPUT_INVALID: --context .*expected a JSON object/);
  });
});

describe('wasm-broker tasks and task', () => {
  it('list and show what was submitted', async () => {
    const uuid = await submit();
    const list = await cli('tasks', '--namespace', 'cli', '--per-page', '1');
    expect(list.stdout).toMatch(
      new RegExp(`^${uuid} +cli/checked@1\\.0\\.0 +completed +all_complete +2 of 2 +20`, 'm'),
    );
    expect(list.stdout).toMatch(/^page 1 of \d+, \d+ tasks$/m);
    const shown = JSON.parse((await cli('task', uuid, '--json')).stdout) as { steps: unknown };
    expect(shown).toMatchObject({
      task: { task_uuid: uuid, status: 'complete' },
      steps: [
        { name: 'check', current_state: 'complete' },
        { name: 'reshape', results: { success: true, result: { order: expect.any(Number) } } },
      ],
    });
  });

  it('repeat an error of Tasker', async () => {
    const { code, stderr } = await cli('task', 'x/../y');
    expect(code).toBe(2);
    expect(stderr).toBe(
      'ERR_TASKER_REFUSED: GET /v1/tasks/x%2F..%2Fy: Tasker answered 400 INVALID_UUID: x/../y\n',
    );
  });
});

describe('wasm-broker retry', () => {
  it('resets failed steps, and says what Tasker will not do', async () => {
    const uuid = await submit({ broken: ++orders });
    const { code, stdout } = await cli('retry', uuid);
    expect(code).toBe(0);
    expect(stdout).toBe(
      'step check: pending, but its 1 of 1 attempts are used up: Tasker will not run it again\n' +
        `task ${uuid} stays blocked_by_failures: Tasker 0.1.8 does not resume it; submit it again\n`,
    );
    const again = await cli('retry', uuid);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/^ERR_USAGE: .* no failed step/) });
  });

  it('takes one step by name, and passes on why it cannot be reset', async () => {
    const uuid = await submit();
    expect((await cli('retry', uuid, 'reshape')).stderr).toMatch(
      /^ERR_TASKER_REFUSED: PATCH .* 400 BAD_REQUEST: .*invalid transition from complete/,
    );
    expect((await cli('retry', uuid, 'unknown')).stderr).toMatch(
      /^ERR_USAGE: .* has no step "unknown"; it has check, reshape\n$/,
    );
  });
});

describe('wasm-broker cancel', () => {
  it('cancels what has not ended, and is refused for what has', async () => {
    const blocked = await submit({ broken: ++orders });
    expect((await cli('cancel', blocked)).stdout).toBe(`task ${blocked}: cancelled\n`);
    const { code, stderr } = await cli('cancel', blocked);
    expect(code).toBe(2);
    expect(stderr).toMatch(/ERR_TASKER_REFUSED: DELETE .* 400 BAD_REQUEST: Cannot cancel a completed task/);
  });
});

describe('an address', () => {
  it('where nobody listens is told from one where something else answers', async () => {
    const server = createServer((_request, response) => response.end('{"hello":1}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const other = await wasmBroker(['tasks', '--url', address]);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/^ERR_TASKER_UNREACHABLE: .* answers, but not as Tasker 0\.1\.8 does/);
    await new Promise((resolve) => server.close(resolve));
    const nobody = await wasmBroker(['tasks', '--url', address]);
    expect(nobody.code).toBe(2);
    expect(nobody.stderr).toMatch(/^ERR_TASKER_UNREACHABLE: no Tasker answers at .*ECONNREFUSED.*TASKER_URL/);
  });

  it('has to be an http URL', async () => {
    const { code, stderr } = await wasmBroker(['tasks', '--url', 'localhost:1']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ERR_USAGE: --url or TASKER_URL: expected http/);
  });
});

describe('wasm-broker standalone', () => {
  it('refuses a port that is taken, and ends at SIGTERM', async () => {
    const env = { DATABASE_URL: database.url };
    const second = await wasmBroker(['standalone', '--port', new URL(url).port], { env });
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/^ERR_ALREADY_RUNNING: port \d+ is taken/);
    const third = startWasmBroker(['standalone', '--port', '0'], { env });
    await third.until(/REST API on/);
    third.child.kill('SIGTERM');
    expect((await third.ended).code).toBe(0);
  });

  it('brings its own PostgreSQL, whose address only the owner can read', async () => {
    const own = startWasmBroker(['standalone', '--port', '0'], { cwd: folder });
    const api = await own.find(/REST API on (\S+)\n/);
    const address = join(folder, '.tasker', 'database.env');
    expect(statSync(address).mode & 0o777).toBe(0o600);
    expect(readFileSync(address, 'utf8')).toMatch(
      /^DATABASE_URL=postgresql:\/\/tasker:\S+@127\.0\.0\.1:\d+\/tasker\n$/,
    );
    expect(await (await fetch(`${api}/health/ready`)).json()).toMatchObject({ status: 'ready' });
    own.child.kill('SIGTERM');
    const { code, stdout } = await own.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain('postgresql://');
  });
});
