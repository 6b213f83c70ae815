import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { DEFAULT_LIMITS } from '../src/model/limits.ts';

const folder = mkdtempSync(join(tmpdir(), 'broker-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const load = (toml: string, env: Record<string, string> = {}) => {
  const file = join(folder, 'broker.toml');
  writeFileSync(file, toml);
  return loadConfig({ file, env });
};

describe('broker.toml', () => {
  it('may be absent: every limit has a default and nothing is granted', () => {
    const config = loadConfig({ env: {} });
    expect(config.limits).toEqual(DEFAULT_LIMITS);
    expect(config.grants).toEqual({});
    expect(config.database).toEqual({ allow_newer: false });
  });

  it('reads limits, grants and secrets, and resolves paths beside the file', () => {
    const config = load(`
      [worker]
      templates = ["templates"]
      [limits]
      fuel = 1000
      [[grants.http_request]]
      capability = "http"
      schemes = ["https"]
      hosts = ["API.example.com"]
      ports = [443]
      methods = ["GET"]
      [secrets.TOKEN]
      env = "MY_TOKEN"
    `);
    expect(config.worker.templates).toEqual([join(folder, 'templates')]);
    expect(config.limits).toEqual({ ...DEFAULT_LIMITS, fuel: 1000 });
    expect(config.grants['http_request']).toEqual([
      {
        capability: 'http',
        schemes: ['https'],
        hosts: ['api.example.com'],
        ports: [443],
        methods: ['GET'],
        path_prefix: '/',
        private_networks: [],
      },
    ]);
    expect(config.secrets).toEqual({ TOKEN: { env: 'MY_TOKEN' } });
  });

  it('reads where secrets are kept, and wants a Vault where one is referred to', () => {
    const secrets = `[secrets.A]\ndirectory = "/run/secrets"\n[secrets.B]\nvault = "apps/orders"\nkey = "b"\n`;
    const vault = `[vault]\naddress = "https://vault.test:8200"\ntoken = { file = "/run/token" }\n`;
    expect(load(secrets + vault)).toMatchObject({
      secrets: { A: { directory: '/run/secrets' }, B: { vault: 'apps/orders', key: 'b' } },
      vault: { address: 'https://vault.test:8200', mount: 'secret', token: { file: '/run/token' } },
    });
    expect(() => load(secrets)).toThrow('secrets.B is in a Vault, but there is no [vault]');
    expect(() => load('[secrets.A]\ndirectory = "/run"\nkey = "../x"')).toThrow('secrets.A');
  });

  it('resolves the folder of tapes, and wants one where a rate is set', () => {
    expect(load('[tape]\nfolder = "tapes"\nrate = 0.5').tape).toEqual({
      folder: join(folder, 'tapes'),
      rate: 0.5,
      max_files: 1000,
    });
    expect(() => load('[tape]\nrate = 0.5')).toThrow('tape: a rate needs a folder');
  });

  it('takes values from the environment where it says so', () => {
    const config = load('[database]\nurl = "${env.DB}"\n[worker]\nlanes = "${env.LANES}"', {
      DB: 'postgres://h/d',
      LANES: '3',
    });
    expect(config.database.url).toBe('postgres://h/d');
    expect(config.worker.lanes).toBe(3);
  });

  it.each([
    ['is not TOML', 'x = = 1', /broker\.toml: /],
    ['has a key that does not exist', '[limits]\nfule = 1', /limits: .*fule/],
    ['switches a limit off', '[limits]\nfuel = 0', /limits\.fuel: /],
    ['has a limit of the wrong type', '[limits]\nfuel = "many"', /limits\.fuel: .*number/],
    ['grants an unknown capability', '[[grants.x]]\ncapability = "sql"', /grants\.x\[0\]\.capability/],
    [
      'names a bad network',
      '[[grants.x]]\ncapability="http"\nschemes=[]\nhosts=[]\nports=[]\nmethods=[]\nprivate_networks=["10.0.0.0"]',
      /private_networks/,
    ],
    [
      'uses a variable that is not set',
      '[database]\nurl = "${env.NOPE}"',
      /\$\{env\.NOPE\} is used, but the variable NOPE is not set/,
    ],
    [
      'has a namespace that Tasker cannot queue',
      '[worker]\nnamespace = "a-b"',
      /worker\.namespace: expected 1 to 29 letters/,
    ],
  ])('that %s is refused with file and key', (_what, toml, message) => {
    expect(() => load(toml)).toThrow(message);
    try {
      load(toml);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    }
  });

  it('that does not exist is named', () => {
    expect(() => loadConfig({ file: join(folder, 'none.toml'), env: {} })).toThrow(/none\.toml: ENOENT/);
  });
});
