import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILTIN_FOLDER } from '../../src/catalog/load.ts';
import { COST_TABLE_HASH } from '../../src/metering/index.ts';
import { ECHO, ENDLESS, guest } from '../guests/wat.ts';
import { wasmBroker } from '../support/wasm-broker.ts';

const folder = mkdtempSync(join(tmpdir(), 'broker-cli-'));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const echo = file('echo.wasm', ECHO);
const input = file('input.json', '{"answer":42}');

let server: Server;
let origin: string;
const authorizations: (string | undefined)[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    response.setHeader('content-type', 'application/json').end('{"from":"outside"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

describe('wasm-broker run', () => {
  it('prints output and receipt of a module', async () => {
    const { code, stdout } = await wasmBroker(['run', echo, '--input', input]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\{"answer":42\}$/m);
    expect(stdout).toMatch(/^receipt {3}\(no manifest\) {2}sha256:[0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^fuel\s+[\d,]+ of 2,000,000,000$/m);
  });

  it('prints one object with --json', async () => {
    const { stdout } = await wasmBroker(['run', echo, '--input', input, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'completed',
      output: { answer: 42 },
      error: null,
      receipt: { abi: 'tasker-core/1', outcome: 'completed', host_calls: [] },
    });
  });

  it('takes limits, and ends with 1 when one is reached', async () => {
    const endless = file('endless.wasm', ENDLESS);
    const { code, stdout } = await wasmBroker(['run', endless, '--input', input, '--fuel', '5000', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'exhausted',
      error: { code: 'ERR_LIMIT_FUEL', limit: 'fuel', allowed: 5000, setting: 'limits.fuel' },
    });
  });

  it('refuses a memory minimum over --memory-pages', async () => {
    const big = file('big.wasm', guest({ pages: '100' }));
    const { code, stderr } = await wasmBroker(['run', big, '--input', input, '--memory-pages', '10']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'ERR_MEMORY_MINIMUM: the module starts with 100 pages of memory; limits.memory_pages allows 10\n',
    );
  });

  it('denies a catalog handler what nobody granted, with the lines that would', async () => {
    const config = file('http.json', JSON.stringify({ url: `${origin}/data` }));
    const { code, stderr } = await wasmBroker(['run', 'http_request', '--input', input, '--config', config]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ERR_GRANT_MISSING: .*"http"/);
    expect(stderr).toContain('[[grants.http_request]]');
  });

  it('lets it do what was granted, a secret put in by the host on the way', async () => {
    const config = file(
      'secret.json',
      JSON.stringify({ url: `${origin}/data`, headers: { authorization: 'Bearer ${secrets.CLI_TOKEN}' } }),
    );
    const args = ['run', 'http_request', '--input', input, '--config', config, '--json'];
    const grants = ['--grant', `http=GET ${origin}/data`, '--grant', 'secret=CLI_TOKEN@127.0.0.1'];
    const { code, stdout } = await wasmBroker([...args, ...grants], {
      env: { CLI_TOKEN: 'a-value-that-stays-here' },
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'completed',
      output: { status: 200, body: { from: 'outside' } },
    });
    expect(authorizations.at(-1)).toBe('Bearer a-value-that-stays-here');
    expect(stdout).not.toContain('a-value-that-stays-here');
  });

  it('checks the configuration against the handler’s schema first', async () => {
    const config = file('wrong.json', '{"rules":1}');
    const { code, stderr } = await wasmBroker(['run', 'decide', '--input', input, '--config', config]);
    expect(code).toBe(2);
    expect(stderr).toBe('ERR_CONFIG_SCHEMA: configuration of decide: /rules: must be array\n');
  });

  it.each([
    [
      'an input that is not JSON',
      ['run', echo, '--input', file('bad.json', '{')],
      'ERR_INPUT_INVALID: input: expected one JSON document\n',
    ],
    [
      'a configuration that is not an object',
      ['run', echo, '--input', input, '--config', file('list.json', '[]')],
      /^ERR_INPUT_INVALID: --config .*: expected a JSON object\n$/,
    ],
    [
      'an input that does not exist',
      ['run', echo, '--input', join(folder, 'none.json')],
      /^ERR_USAGE: ENOENT/,
    ],
    [
      'bytes that are no module',
      ['run', file('text.wasm', 'text'), '--input', input],
      /^ERR_MODULE_MALFORMED: malformed-header: /,
    ],
    [
      'a grant of no known form',
      ['run', echo, '--input', input, '--grant', 'sql=*'],
      'ERR_USAGE: --grant sql=*: expected log | time | random | cache=TTL_MS | http=METHOD URL | secret=NAME@HOST | secret_read=NAME | wait=MS | JSON\n',
    ],
    [
      'an unknown handler',
      ['run', 'teleport', '--input', input],
      /^ERR_HANDLER_UNKNOWN: no handler "teleport"; the catalog has aggregate, /,
    ],
  ] as const)('refuses %s in one line', async (_what, args, message) => {
    const { code, stderr } = await wasmBroker(args);
    expect(code).toBe(2);
    if (typeof message === 'string') expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('wasm-broker meter', () => {
  it('writes the metered module and reports sizes, blocks, functions, features and the cost table', async () => {
    const output = join(folder, 'echo.metered.wasm');
    const { code, stdout } = await wasmBroker(['meter', echo, '-o', output, '--report']);
    expect(code).toBe(0);
    for (const line of [
      /^size {7}[\d.]+/m,
      /^functions +\d+$/m,
      /^blocks +\d+ charged, \d+ checked$/m,
      /^features/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).toContain(COST_TABLE_HASH);
    const module = new WebAssembly.Module(new Uint8Array(readFileSync(output)));
    expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toContain('metering:fuel');
  });

  it('refuses what is no module with the code of the fault, and writes nothing', async () => {
    const output = join(folder, 'nothing.wasm');
    const { code, stderr } = await wasmBroker(['meter', input, '-o', output]);
    expect(code).toBe(2);
    expect(stderr).toContain('malformed-header');
    expect(() => readFileSync(output)).toThrow('ENOENT');
  });
});

describe('wasm-broker inspect', () => {
  it('shows what a module imports, exports and needs', async () => {
    const { code, stdout } = await wasmBroker([
      'inspect',
      join(BUILTIN_FOLDER, 'http_request', 'handler.wasm'),
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('import   tasker.http_request  function (i32 i32) -> (i32)');
    expect(stdout).toContain('export   tk_handle  function () -> (i32)');
    expect(stdout).toMatch(/^needs {4}http/m);
    expect(stdout).toContain('verdict  admitted');
  });

  it('says why a module would be refused', async () => {
    const huge = file('huge.wasm', guest({ pages: '5000' }));
    const { code, stdout } = await wasmBroker(['inspect', huge, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: { allowed: false } });
  });
});

describe('wasm-broker serve', () => {
  it('without a database says what to set', async () => {
    const config = file('broker.toml', '[worker]\nnamespace = "wasm"\n');
    const { code, stderr } = await wasmBroker(['serve', '--config', config]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'ERR_CONFIG_INVALID: no database: set DATABASE_URL or [database] url in broker.toml\n',
    );
  });

  it('with a broken broker.toml names file and key', async () => {
    const config = file('broken.toml', '[limits]\nfuel = -1\n');
    const { code, stderr } = await wasmBroker(['serve', '--config', config]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ERR_CONFIG_INVALID: .*broken\.toml: limits\.fuel: /);
  });

  it('with a database that is not there says where it looked, without the password', async () => {
    const config = file('away.toml', '[database]\nurl = "postgres://u:pass-word@127.0.0.1:9/tasker"\n');
    const { code, stderr } = await wasmBroker(['serve', '--config', config]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ERR_DATABASE_UNAVAILABLE: .*127\.0\.0\.1:9/);
    expect(stderr).not.toContain('pass-word');
  });
});

describe('wasm-broker check', () => {
  const steps = (callable: string) =>
    `name: a\nnamespace_name: wasm\nversion: 1.0.0\nsteps:\n  - name: b\n    handler: { callable: ${callable} }\n`;

  it('names file, line, column, code and cure of what it finds, and ends with 1', async () => {
    const template = file('wrong.yaml', steps('transfrom'));
    const withoutConfig = mkdtempSync(join(folder, 'empty-'));
    const { code, stdout } = await wasmBroker(['check', template], { cwd: withoutConfig });
    expect(code).toBe(1);
    expect(stdout).toContain(
      `${template}:6:26: error handler-unknown: no handler "transfrom" in the catalog; `,
    );
    expect(stdout).toMatch(/^ {4}use one that the message lists/m);
    expect(stdout).toMatch(/^1 checked, 1 errors, 0 notes \(no broker\.toml: /m);
  });

  it('looks at a whole folder, and prints one object with --json', async () => {
    const templates = mkdtempSync(join(folder, 'templates-'));
    const valid = steps('transform, initialization: { mapping: { x: $.x } }');
    writeFileSync(join(templates, 'right.yaml'), valid);
    writeFileSync(join(templates, 'elsewhere.yml'), valid.replace('wasm', 'other'));
    const config = file('check.toml', '[worker]\nnamespace = "wasm"\n');
    const { code, stdout } = await wasmBroker(['check', templates, '--config', config, '--json']);
    expect(code).toBe(1);
    const { templates: reports, errors } = JSON.parse(stdout);
    expect(errors).toBe(1);
    expect(reports).toMatchObject([
      {
        name: 'other/a 1.0.0',
        findings: [{ code: 'namespace-differs', severity: 'error', position: { line: 2, column: 17 } }],
      },
      { file: join(templates, 'right.yaml'), name: 'wasm/a 1.0.0', findings: [] },
    ]);
  });

  it('finds nothing in the example, with the broker that runs it', async () => {
    const movies = fileURLToPath(new URL('../../examples/movies', import.meta.url));
    const args = ['check', movies, '--config', join(movies, 'broker.toml')];
    const { code, stdout } = await wasmBroker(args, { env: { DEMO_PORT: '8080' } });
    expect([code, stdout]).toEqual([0, '1 checked, 0 errors, 0 notes\n']);
  });
});

describe('wasm-broker replay', () => {
  const tape = join(folder, 'run.tape.json');

  it('runs what was recorded again, without the server, and finds it equal', async () => {
    const config = file('get.json', JSON.stringify({ url: `${origin}/a` }));
    const grant = ['--grant', `http=GET ${origin}/a`];
    const args = ['run', 'http_request', '--input', input, '--config', config, ...grant, '--tape', tape];
    expect((await wasmBroker(args)).code).toBe(0);
    const before = authorizations.length;
    const { code, stdout } = await wasmBroker(['replay', tape]);
    expect(stdout).toBe('equal: the same calls, output and fuel\n');
    expect(code).toBe(0);
    expect(authorizations).toHaveLength(before);
  });

  it('ends with 1 and the first divergence where it is not', async () => {
    const recorded = JSON.parse(readFileSync(tape, 'utf8'));
    const changed = { ...recorded, outcome: { ...recorded.outcome, fuel: recorded.outcome.fuel - 1 } };
    const other = file('other.tape.json', JSON.stringify(changed));
    const { code, stdout } = await wasmBroker(['replay', other, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      verdict: 'diverged',
      at: 'fuel',
      expected: String(changed.outcome.fuel),
      got: String(recorded.outcome.fuel),
    });
  });

  it('wants the module of a tape that names none, and takes no other', async () => {
    const bare = join(folder, 'echo.tape.json');
    await wasmBroker(['run', echo, '--input', input, '--tape', bare]);
    expect((await wasmBroker(['replay', bare])).stderr).toMatch(/^ERR_USAGE: .*--module FILE\.wasm/);
    expect((await wasmBroker(['replay', bare, '--module', echo])).code).toBe(0);
    const wrong = await wasmBroker(['replay', bare, '--module', 'decide']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/^ERR_TAPE_INVALID: the tape is of the module sha256:/);
  });
});

describe('wasm-broker', () => {
  it('with a wrong command or option ends with 2', async () => {
    expect((await wasmBroker(['fly'])).code).toBe(2);
    expect((await wasmBroker(['run', echo])).code).toBe(2);
    expect((await wasmBroker(['run', echo, '--input', input, '--fuel', 'lots'])).code).toBe(2);
  });

  it('shows its version and help', async () => {
    expect((await wasmBroker(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await wasmBroker(['--help']);
    expect(help.code).toBe(0);
    for (const command of ['demo', 'serve', 'run', 'build', 'inspect', 'meter', 'check', 'doctor'])
      expect(help.stdout).toContain(`  ${command} `);
  });
});
