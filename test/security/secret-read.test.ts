import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../src/host/egress/http-client.ts';
import { createSecretSource } from '../../src/host/secrets/secret-source.ts';
import type { GrantInput } from '../../src/model/grant.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { compileSource } from '../assemblyscript/compile-source.ts';
import { guest, text } from '../guests/wat.ts';
import { grantFor, resolverOf } from '../host/support/guest.ts';
import { startServer, type TestServer } from '../host/support/web.ts';

/*
 * Threat: a guest that was handed a value sends it somewhere else, or puts it into what it hands out.
 */

const VALUE = 'signing-key-0123456789';

/** Reads KEY and sends it as the input says: `{"url", "header"?, "body"?, "output"?}`, `$` being the value. */
const SOURCE = `
import { HttpRequest, Json, JsonWriter, log, readSecret } from "tasker-wasm-broker/assemblyscript";

@handler("signer")
function signer(input: Json): JsonWriter {
  const key = readSecret(input.get("secret").asString("KEY"));
  const output = new JsonWriter().beginObject().key("length").integer(key.length);
  if (input.get("log").isString) log(input.get("log").asString().replace("$", key));
  if (input.get("url").isString) {
    const request = new HttpRequest("POST", input.get("url").asString().replace("$", key));
    if (input.get("header").isString) request.header("x-key", input.get("header").asString().replace("$", key));
    if (input.get("body").isString) request.text(input.get("body").asString().replace("$", key));
    const response = request.trySend();
    if (response === null) output.key("error").string(request.error!.code);
    else output.key("status").integer(response.status).key("text").string(response.text());
  }
  if (input.get("output").isString) output.key("output").string(input.get("output").asString().replace("$", key));
  return output.endObject();
}`;

let bound: TestServer;
let other: TestServer;
let sandbox: Sandbox;
let wasm: Uint8Array;

beforeAll(async () => {
  other = await startServer();
  bound = await startServer((request, response) => {
    if (request.url?.startsWith('/away') === true) {
      response.writeHead(307, { location: `http://other.test:${other.port}/` });
    }
    response.end(`you sent ${request.headers['x-key'] ?? ''}`);
  });
  sandbox = createSandbox({
    host: {
      http: createHttpClient({
        resolve: resolverOf({ 'bound.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] }),
      }),
      secrets: createSecretSource(
        { KEY: { env: 'KEY' }, OTHER: { env: 'OTHER' } },
        { KEY: VALUE, OTHER: VALUE },
      ),
    },
  });
  ({ wasm } = await compileSource(SOURCE));
});
afterAll(async () => {
  await sandbox.close();
  await bound[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

const READ: GrantInput = { capability: 'secret_read', names: ['KEY'] };
const SEND: GrantInput = { capability: 'secret', names: ['KEY'], hosts: ['bound.test'], plain_http: true };

async function run(input: Readonly<Record<string, string>>, grants: readonly GrantInput[] = [READ, SEND]) {
  const before = other.requests.length;
  const logs: string[] = [];
  const outcome = await sandbox.execute(await sandbox.admit(wasm), {
    input,
    grants: [
      grantFor(0, { hosts: ['bound.test', 'other.test'], ports: ['*'], methods: ['POST', 'GET'] }),
      { capability: 'log' },
      ...grants,
    ],
    onLog: (_, message) => logs.push(message),
  });
  const output = outcome.kind === 'completed' ? JSON.parse(outcome.output) : null;
  return { outcome, output, logs, stolen: other.requests.slice(before) };
}

describe('secret_read', () => {
  it('hands out a value that is granted, and says so in the receipt', async () => {
    const { outcome, output } = await run({});
    expect(output).toEqual({ length: VALUE.length });
    expect(outcome.receipt.host_calls).toMatchObject([
      { call: 'secret_read', target: 'secret KEY', allowed: true, code: null },
    ]);
    expect(JSON.stringify(outcome)).not.toContain(VALUE);
  });

  it('needs a grant of its own: a reference may be allowed where the value is not', async () => {
    await expect(run({}, [SEND])).rejects.toMatchObject({
      code: 'ERR_GRANT_MISSING',
      message: expect.stringContaining('capability = "secret_read"\nnames = ["NAME"]'),
    });
  });

  it('refuses another name and says what would grant it', async () => {
    const { outcome } = await run({ secret: 'OTHER' });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'ERR_SECRET_DENIED', retryable: false });
    expect(outcome.kind === 'failed' && outcome.message).toContain('names = ["OTHER"]');
    expect(outcome.receipt).toMatchObject({ denials: 1 });
  });

  it('says that a secret has no value', async () => {
    const { outcome } = await run({ secret: 'NONE' }, [{ capability: 'secret_read', names: ['*'] }]);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'ERR_SECRET_UNAVAILABLE' });
  });

  it('takes a name and nothing else', async () => {
    const { field, args } = text(16, 'KEY OR ANOTHER');
    const module = guest({ imports: ['secret_read'], fields: field, body: `(call $secret_read ${args})` });
    const outcome = await sandbox.execute(await sandbox.admit(module), { input: '{}', grants: [READ] });
    expect(outcome.receipt.host_calls).toMatchObject([{ code: 'ERR_HOST_CALL_INVALID' }]);
  });
});

describe('a guest that has a value', () => {
  it('may send it where a reference may go; what comes back is redacted', async () => {
    const { output } = await run({ url: `http://bound.test:${bound.port}/`, header: 'k=$' });
    expect(output).toMatchObject({ status: 200, text: 'you sent k=[secret KEY]' });
    expect(bound.requests.at(-1)?.headers['x-key']).toBe(`k=${VALUE}`);
  });

  it.each([
    ['in a header', { url: '/', header: '$' }],
    ['in a body', { url: '/', body: 'x$x' }],
    ['in a URL', { url: '/$/a' }],
    ['in a query', { url: '/?a=$' }],
  ])('may not send it to another host %s', async (_, how) => {
    const { output, outcome, stolen } = await run({
      ...how,
      url: `http://other.test:${other.port}${how.url}`,
    });
    expect(output).toMatchObject({ error: 'ERR_SECRET_DENIED' });
    expect(stolen).toEqual([]);
    expect(JSON.stringify(outcome)).not.toContain(VALUE);
  });

  it('may not send it anywhere without a secret grant', async () => {
    const { output } = await run({ url: `http://bound.test:${bound.port}/`, body: '$' }, [READ]);
    expect(output).toMatchObject({ error: 'ERR_SECRET_DENIED' });
  });

  it('is not helped by a redirect to another origin', async () => {
    const url = `http://bound.test:${bound.port}/away`;
    const inBody = await run({ url, body: '$' });
    expect(inBody.output).toMatchObject({ error: 'ERR_SECRET_DENIED' });
    expect(inBody.stolen).toEqual([]);
    const inHeader = await run({ url, header: '$' });
    expect(inHeader.stolen).toHaveLength(1);
    expect(JSON.stringify(inHeader.stolen)).not.toContain(VALUE);
  });

  it('cannot put it into an output or a log', async () => {
    expect((await run({ output: 'here: $' })).outcome).toMatchObject({
      kind: 'failed',
      code: 'ERR_SECRET_LEAK',
    });
    expect((await run({ log: 'here: $' })).logs).toEqual(['here: [secret KEY]']);
  });
});
