import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandlerCache } from '../../src/host/cache/handler-cache.ts';
import { createHttpClient } from '../../src/host/egress/http-client.ts';
import { createSecretSource } from '../../src/host/secrets/secret-source.ts';
import type { GrantInput } from '../../src/model/grant.ts';
import type { Tape } from '../../src/model/tape.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { readTape, writeTape } from '../../src/sandbox/tape/file.ts';
import { replay } from '../../src/sandbox/tape/replay.ts';
import { compileSource } from '../assemblyscript/compile-source.ts';
import { ENDLESS } from '../guests/wat.ts';
import { grantFor, MARK, secretRef } from '../host/support/guest.ts';
import { startServer, type TestServer } from '../host/support/web.ts';

/** Uses every source of difference that a guest can have: network, cache, time, randomness, a secret if it is asked to. */
const SOURCE = `
import { cacheGet, cachePut, HttpRequest, Json, JsonWriter, now, randomNumber, readSecret } from "tasker-wasm-broker/assemblyscript";

@handler("everything")
function everything(input: Json, config: Json): JsonWriter {
  const output = new JsonWriter().beginArray();
  const requests = <i32>input.get("requests").asNumber(0);
  for (let i = 0; i < requests; i++) {
    const request = new HttpRequest("POST", input.get("url").asString() + i.toString());
    if (config.get("token").isString) request.header("authorization", config.get("token").asString());
    const response = request.text("r" + randomNumber().toString()).trySend();
    if (response === null) output.string(request.error!.code);
    else output.string(response.text());
    output.number(now());
  }
  if (input.get("read").isBool) output.integer(readSecret("KEY").length);
  const before = cacheGet("n");
  cachePut("n", before === null ? "1" : before + "1", 60000);
  return output.string(before === null ? "none" : before).endArray();
}`;

const VALUE = 'a-secret-value-1';
let server: TestServer;
let sandbox: Sandbox;
let offline: Sandbox;
let wasm: Uint8Array;
let folder: string;
let served = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tapes-'));
  server = await startServer((request, response) => {
    served += 1;
    response.end(`answer ${served} for ${request.headers.authorization ?? 'nobody'}`);
  });
  const secrets = createSecretSource({ KEY: { env: 'KEY' } }, { KEY: VALUE });
  const cache = createHandlerCache({ maxBytes: 10_000, maxHandlers: 4 });
  sandbox = createSandbox({ host: { http: createHttpClient(), secrets, cache } });
  offline = createSandbox();
  ({ wasm } = await compileSource(SOURCE));
});
afterAll(async () => {
  await Promise.all([sandbox.close(), offline.close(), rm(folder, { recursive: true })]);
  await server[Symbol.asyncDispose]();
});

const READ: GrantInput = { capability: 'secret_read', names: ['KEY'] };

async function record(
  input: Readonly<Record<string, number | boolean>> = {},
  config: Readonly<Record<string, string>> = {},
): Promise<Tape> {
  const tapes: Tape[] = [];
  const outcome = await sandbox.execute(await sandbox.admit(wasm), {
    input: { url: `http://127.0.0.1:${server.port}/`, ...input },
    config,
    secretMark: MARK,
    grants: [
      grantFor(server.port, { methods: ['POST'] }),
      { capability: 'secret', names: ['KEY'], hosts: ['127.0.0.1'], plain_http: true },
      { capability: 'time', advance: true },
      { capability: 'random' },
      { capability: 'cache', ttl_ms: 60_000 },
      READ,
    ],
    onTape: (tape) => tapes.push(tape),
  });
  expect(tapes).toHaveLength(1);
  expect(tapes[0]?.outcome).toMatchObject({ kind: outcome.kind, fuel: outcome.usage.fuel });
  return tapes[0] as Tape;
}

const replayed = async (tape: Tape, secrets?: Parameters<typeof replay>[3]) =>
  replay(offline, await offline.admit(wasm), tape, secrets);

describe('a replay', () => {
  it('gives the same output and fuel without network, cache or clock', async () => {
    const tape = await record({ requests: 3 });
    expect(tape.calls.map(({ call }) => call)).toEqual([
      ...Array(3).fill('http_request'),
      'cache_get',
      'cache_put',
    ]);
    const requests = server.requests.length;
    for (let run = 0; run < 3; run += 1) expect(await replayed(tape)).toEqual({ verdict: 'equal' });
    expect(server.requests).toHaveLength(requests);
  });

  it('follows a refused call and a failed run as well', async () => {
    const refused = await record({ requests: 25 });
    expect(refused.calls.some(({ status }) => status !== 0)).toBe(true);
    expect(await replayed(refused)).toEqual({ verdict: 'equal' });
    const out = await record({ requests: 1 });
    const starved: Tape = { ...out, limits: { ...out.limits, fuel: Math.floor(out.outcome.fuel / 2) } };
    expect(await replayed(starved)).toMatchObject({ verdict: 'diverged' });
  });

  it('says where it leaves the tape', async () => {
    const tape = await record({ requests: 2 });
    const [first, second] = tape.calls;
    if (first === undefined || second === undefined) throw new Error('expected two calls');
    const other = { ...first, answer: second.answer };
    const changes: readonly (readonly [Partial<Tape>, string])[] = [
      [{ seed: '00'.repeat(32) }, 'call 1'],
      [{ calls: [first, ...tape.calls.slice(2)] }, 'call 2'],
      [{ calls: tape.calls.slice(0, -1) }, 'call 4'],
      [{ calls: [...tape.calls, first] }, 'call 5'],
      [{ calls: [other, ...tape.calls.slice(1)] }, 'output'],
      [{ calls: [{ ...first, time_ms: 5 }, ...tape.calls.slice(1)] }, 'output'],
      [{ outcome: { ...tape.outcome, fuel: tape.outcome.fuel + 1 } }, 'fuel'],
      [{ outcome: { ...tape.outcome, kind: 'failed', code: 'no' } }, 'outcome'],
    ];
    for (const [change, at] of changes) {
      expect(await replayed({ ...tape, ...change })).toMatchObject({ verdict: 'diverged', at });
    }
  });

  it('cannot say anything about a run that ended from outside, or under other prices', async () => {
    const tapes: Tape[] = [];
    const artifact = await sandbox.admit(ENDLESS);
    const limits = { wall_ms: 50, fuel: Number.MAX_SAFE_INTEGER };
    await createAndRun(limits, artifact, tapes);
    expect(await replay(offline, artifact, tapes[0] as Tape)).toMatchObject({ verdict: 'not_comparable' });
    const tape = await record();
    const repriced = await replayed({ ...tape, cost_table_hash: 'other' });
    expect(repriced).toMatchObject({ verdict: 'not_comparable', why: expect.stringContaining('cost table') });
  });

  it('wants the module that was recorded', async () => {
    const tape = await record();
    const wrong = replay(offline, await offline.admit(ENDLESS), tape);
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_TAPE_INVALID' });
  });
});

async function createAndRun(
  limits: { readonly wall_ms: number; readonly fuel: number },
  artifact: Awaited<ReturnType<Sandbox['admit']>>,
  tapes: Tape[],
): Promise<void> {
  const own = createSandbox({ limits: { fuel: limits.fuel } });
  await own.execute(artifact, { input: '{}', limits, onTape: (tape) => tapes.push(tape) });
  await own.close();
}

describe('a tape', () => {
  it('has no secret that the host filled in, and replays without it', async () => {
    const tape = await record({ requests: 1 }, { token: secretRef('KEY') });
    expect(server.requests.at(-1)?.headers.authorization).toBe(VALUE);
    expect(everythingIn(tape)).not.toContain(VALUE);
    expect(everythingIn(tape)).toContain('[secret KEY]');
    expect(await replayed(tape)).toEqual({ verdict: 'equal' });
  });

  it('has no secret that the guest read, and replays only where it is', async () => {
    const tape = await record({ read: true });
    expect(tape.calls[0]).toMatchObject({ call: 'secret_read', secret: 'KEY', answer: null });
    expect(everythingIn(tape)).not.toContain(VALUE);
    expect(await replayed(tape)).toEqual({
      verdict: 'not_comparable',
      why: 'it read the secret KEY, which is not here',
    });
    const present = createSecretSource({ KEY: { env: 'KEY' } }, { KEY: VALUE });
    expect(await replayed(tape, present)).toEqual({ verdict: 'equal' });
  });

  it('masks a secret that stood in the data, and is then not comparable', async () => {
    const tape = await record({ requests: 1 }, { token: secretRef('KEY'), note: `from ${VALUE}` });
    expect(everythingIn(tape)).not.toContain(VALUE);
    expect(tape.masked).toBe(true);
    expect(await replayed(tape)).toMatchObject({ verdict: 'not_comparable' });
  });

  it('is written whole, for its owner only, and read again', async () => {
    const tape = await record({ requests: 1 });
    const file = join(folder, 'one.tape.json');
    await writeTape(file, tape);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(await readTape(file)).toEqual(tape);
    await expect(writeTape(join(folder, 'none', 'one'), tape)).rejects.toMatchObject({
      code: 'ERR_TAPE_INVALID',
    });
  });

  it.each([
    ['no JSON', '{', 'JSON'],
    ['another version', '{"tape":2}', 'expected a tape of version 1, got 2'],
    ['something else', '[]', 'got no tape'],
    ['half of one', '{"tape":1}', 'digest'],
  ])('is refused where it is %s', async (_, content, message) => {
    const file = join(folder, 'bad.tape.json');
    await writeFile(file, content);
    await expect(readTape(file)).rejects.toMatchObject({
      code: 'ERR_TAPE_INVALID',
      message: expect.stringContaining(message),
    });
    expect(await readFile(file, 'utf8')).toBe(content);
  });
});

/** All of a tape, what is in base64 decoded. */
function everythingIn(tape: Tape): string {
  const answers = tape.calls.map(({ answer }) => Buffer.from(answer ?? '', 'base64').toString());
  return [JSON.stringify(tape), ...answers].join('\n');
}

describe('the receipt', () => {
  it('says of every call which grant allowed it, when, and digests of what went out and came back', async () => {
    const outcome = await sandbox.execute(await sandbox.admit(wasm), {
      input: { url: `http://127.0.0.1:${server.port}/`, requests: 1, read: true },
      grants: [
        { capability: 'random' },
        { capability: 'time' },
        READ,
        { capability: 'cache', ttl_ms: 60_000 },
        grantFor(1, { methods: ['POST'] }),
        grantFor(server.port, { methods: ['POST'] }),
      ],
    });
    const { receipt } = outcome;
    const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(receipt.host_calls).toMatchObject([
      { call: 'http_request', grant: 5, allowed: true, requestSha256: digest, responseSha256: digest },
      // The digest of a secret could be guessed from.
      { call: 'secret_read', grant: 2, allowed: true, requestSha256: digest, responseSha256: null },
      { call: 'cache_get', grant: 3 },
      { call: 'cache_put', grant: 3 },
    ]);
    expect(receipt.grants[5]).toMatchObject({ capability: 'http', ports: [server.port] });
    for (const { atMs } of receipt.host_calls) expect(Math.abs(atMs - Date.now())).toBeLessThan(60_000);
  });
});
