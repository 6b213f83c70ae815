import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { explainGrants } from '../../src/cli/explain-grants.ts';
import { loadConfig } from '../../src/config.ts';
import { Manifest } from '../../src/model/manifest.ts';
import { wasmBroker } from '../support/wasm-broker.ts';

const folder = mkdtempSync(join(tmpdir(), 'broker-grants-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function configFile(text: string): string {
  files += 1;
  const file = join(folder, `${files}.toml`);
  writeFileSync(file, text);
  return file;
}

const POLICY = `
[[grants.http_request]]
capability = "http"
schemes = ["https"]
hosts = ["api.example.com"]
ports = [443]
methods = ["GET"]
path_prefix = "/v1"
requests = 3

[[grants.http_request]]
capability = "secret"
names = ["API_TOKEN"]
hosts = ["api.example.com"]
`;

describe('wasm-broker grants explain', () => {
  it('shows what manifest and policy leave, with scopes and bounds', async () => {
    const file = configFile(POLICY);
    const { code, stdout } = await wasmBroker(['grants', 'explain', 'http_request', '--config', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('methods GET · path_prefix /v1 · requests 3');
    expect(stdout).toContain('secret names API_TOKEN · hosts api.example.com');
  });

  it('shows the lines that would grant what is requested and not granted', async () => {
    const { stdout } = await wasmBroker(['grants', 'explain', 'http_request', '--config', configFile('')]);
    expect(stdout).toContain('It requests "http", of which nothing is granted. For example:');
    expect(stdout).toContain('[[grants.http_request]]\ncapability = "http"\nschemes = ["https"]');
  });

  it('says of a call that it is allowed, with the secrets that may go there', async () => {
    const url = 'https://api.example.com/v1/items';
    const args = ['grants', 'explain', 'http_request', url, '--config', configFile(POLICY)];
    const { code, stdout } = await wasmBroker(args);
    expect(code).toBe(0);
    expect(stdout).toContain('verdict    allowed');
    expect(stdout).toContain('secrets    API_TOKEN');
  });

  it('refuses with lines that, pasted, allow the same call', async () => {
    const file = configFile('');
    const url = 'http://0x0a.1:8080/a/b?c';
    const args = ['grants', 'explain', 'http_request', url, '--method', 'POST', '--config', file, '--json'];
    const refused = await wasmBroker(args);
    expect(refused.code).toBe(1);
    const { call } = JSON.parse(refused.stdout);
    expect(call).toMatchObject({ code: 'ERR_GRANT_MISSING', manifest: true, policy: false, allowed: false });
    expect(call.addresses).toEqual(['10.0.0.1']);
    appendFileSync(file, call.toml);
    const allowed = await wasmBroker(args);
    expect(JSON.parse(allowed.stdout).call).toMatchObject({ allowed: true, code: null, toml: null });
    expect(allowed.code).toBe(0);
  });

  it('says that nobody can send a URL with a password', async () => {
    const args = ['grants', 'explain', 'http_request', 'https://u:p@a.test/', '--config', configFile('')];
    const { code, stdout } = await wasmBroker(args);
    expect(code).toBe(1);
    expect(stdout).toContain('refused, ERR_HOST_CALL_INVALID');
  });

  it('names the handlers that exist where one does not', async () => {
    const { code, stderr } = await wasmBroker(['grants', 'explain', 'nothing', '--config', configFile('')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/ERR_HANDLER_UNKNOWN: no handler "nothing"; the catalog has .*http_request/);
  });
});

describe('explaining a call', () => {
  const manifest = Manifest.parse({
    name: 'probe',
    version: '1.0.0',
    abi: 'tasker-core/1',
    capabilities: [
      { capability: 'http', schemes: ['https'], hosts: ['*'], ports: ['*'], methods: ['GET', 'POST'] },
    ],
  });
  const config = loadConfig({
    file: configFile(`
[[grants.probe]]
capability = "http"
schemes = ["https", "http"]
hosts = ["a.test", "b.test"]
ports = [443]
methods = ["GET", "DELETE"]
private_networks = ["10.0.0.0/8"]
`),
    env: {},
  });

  it.each([
    ['GET', 'https://a.test/', true, true, null],
    ['POST', 'https://a.test/', true, false, 'ERR_GRANT_MISSING'],
    ['DELETE', 'https://a.test/', false, true, 'ERR_GRANT_MISSING'],
    ['DELETE', 'https://c.test/', false, false, 'ERR_GRANT_MISSING'],
  ] as const)(
    '%s %s: in the manifest %s, in the policy %s',
    async (method, url, inManifest, inPolicy, code) => {
      const { call } = await explainGrants(manifest, config, { method, url });
      expect(call).toMatchObject({ manifest: inManifest, policy: inPolicy, code, allowed: code === null });
      expect([call?.capability === null, call?.toml === null]).toEqual([inManifest, inPolicy]);
    },
  );

  it('checks the addresses of a name when they are looked up', async () => {
    const asked = { method: 'GET', url: 'https://a.test/', resolve: async () => ['10.0.0.1'] } as const;
    const { call } = await explainGrants(manifest, config, asked);
    expect(call).toMatchObject({ allowed: false, code: 'ERR_HTTP_ADDRESS', manifest: false, policy: true });
    expect(call?.capability).toMatchObject({ private_networks: ['10.0.0.1/32'] });
  });
});
