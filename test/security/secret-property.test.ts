import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandlerCache, type HandlerCache } from '../../src/host/cache/handler-cache.ts';
import { createHttpClient } from '../../src/host/egress/http-client.ts';
import type { Tape } from '../../src/model/tape.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { compileSource } from '../assemblyscript/compile-source.ts';
import { grantFor, MARK, secretRef } from '../host/support/guest.ts';
import { startServer, type TestServer } from '../host/support/web.ts';

/*
 * Property: a secret that a configuration only refers to never appears, as it is or in an encoding, in anything that leaves
 * the broker but the request it is bound to. The server is an accomplice: it sends the value back in every encoding, in
 * places of its choice; the guest hands on everything it gets, wherever it can.
 */

const SOURCE = `
import { cachePut, fail, HttpRequest, Json, JsonWriter, log, yieldCheckpoint } from "tasker-wasm-broker/assemblyscript";

@handler("accomplice")
function accomplice(input: Json, config: Json): JsonWriter {
  const request = new HttpRequest("POST", input.get("bound").asString());
  const token = config.get("token").asString();
  const response = request.header("x-token", config.get("header").asString()).text(token).send();
  const loot = response.text();
  const header = response.header("x-loot");
  log(loot);
  log(header);
  new HttpRequest("POST", input.get("other").asString()).header("x-loot", header).text(loot).trySend();
  new HttpRequest("POST", input.get("other").asString()).text(token).trySend();
  const way = input.get("way").asString();
  const document = new JsonWriter().beginArray().string(loot).string(header).endArray();
  if (way == "fail") return fail<JsonWriter>(header.length > 0 ? header : "x", loot);
  if (way == "checkpoint") return yieldCheckpoint<JsonWriter>(document, 1);
  if (way == "trap") throw new Error(loot);
  if (way == "cache") cachePut("loot", loot, 1000);
  return document;
}`;

/** The forms of the specification, written independently of the code that searches for them. */
const ENCODINGS: Readonly<Record<string, (value: string) => string>> = {
  raw: (value) => value,
  base64: (value) => Buffer.from(value).toString('base64').replace(/=+$/, ''),
  hex: (value) => Buffer.from(value).toString('hex'),
  HEX: (value) => Buffer.from(value).toString('hex').toUpperCase(),
  url: (value) => encodeURIComponent(value),
  reversed: (value) => [...value].reverse().join(''),
};

let bound: TestServer;
let other: TestServer;
let sandbox: Sandbox;
let wasm: Uint8Array;
let value = '';
let answer = { body: '', header: '' };
const put: string[] = [];

beforeAll(async () => {
  bound = await startServer((_, response) => {
    response.setHeader('x-loot', answer.header);
    response.end(answer.body);
  });
  other = await startServer();
  const kept = createHandlerCache({ maxBytes: 100_000, maxHandlers: 4 });
  const cache: HandlerCache = {
    get: kept.get,
    put: (owner, key, content, ttlMs) => {
      put.push(Buffer.from(content).toString());
      return kept.put(owner, key, content, ttlMs);
    },
  };
  const secrets = { get: async (name: string) => (name === 'KEY' ? value : null) };
  sandbox = createSandbox({ host: { http: createHttpClient(), secrets, cache } });
  ({ wasm } = await compileSource(SOURCE));
});
afterAll(async () => {
  await sandbox.close();
  await Promise.all([bound[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
});

/** All that left: outcome with receipt, logs, tape, cache, and every request to another server. */
async function everythingThatLeft(way: string): Promise<string> {
  const before = other.requests.length;
  put.length = 0;
  const logs: string[] = [];
  const tapes: Tape[] = [];
  const outcome = await sandbox.execute(await sandbox.admit(wasm), {
    input: {
      bound: `http://127.0.0.1:${bound.port}/`,
      other: `http://127.0.0.2:${other.port}/`,
      way,
    },
    config: { token: secretRef('KEY'), header: 'none' },
    secretMark: MARK,
    grants: [
      grantFor(0, { hosts: ['127.0.0.1', '127.0.0.2'], ports: ['*'], methods: ['POST'] }),
      { capability: 'secret', names: ['KEY'], hosts: ['127.0.0.1'], plain_http: true },
      { capability: 'log' },
      { capability: 'cache', ttl_ms: 1000 },
    ],
    onLog: (_, message) => logs.push(message),
    onTape: (tape) => tapes.push(tape),
  });
  expect(outcome.receipt.host_calls.length).toBeGreaterThanOrEqual(3);
  const answers = tapes.flatMap(({ calls }) =>
    calls.map((call) => Buffer.from(call.answer ?? '', 'base64').toString()),
  );
  const requests = other.requests.slice(before).map((request) => JSON.stringify(request) + request.body);
  return [JSON.stringify(outcome), ...logs, JSON.stringify(tapes), ...answers, ...put, ...requests].join(
    '\n',
  );
}

describe('a secret that was only referred to', () => {
  it('never appears in anything that leaves but the request it is bound to', async () => {
    const secret = fc
      .string({
        unit: fc.constantFrom(...'abcXYZ0189-_.~/+=&%$ "\\'.split(''), 'ü', '€', '😀'),
        minLength: 8,
        maxLength: 40,
      })
      .filter((text) => text.trim() === text && new Set(text).size > 3);
    const place = fc.constantFrom(...Object.keys(ENCODINGS));
    const around = fc.constantFrom('', 'x', 'token=', '{"k":"', '\n');
    const way = fc.constantFrom('return', 'fail', 'checkpoint', 'trap', 'cache');
    let received = 0;
    await fc.assert(
      fc.asyncProperty(secret, place, place, around, way, async (text, inBody, inHeader, prefix, how) => {
        value = text;
        const header =
          ENCODINGS[inHeader === 'raw' || inHeader === 'reversed' ? 'url' : inHeader]?.(text) ?? '';
        answer = { body: `${prefix}${ENCODINGS[inBody]?.(text)}${prefix}`, header };
        const left = await everythingThatLeft(how);
        if (bound.requests.at(-1)?.body === text) received += 1;
        for (const [name, encode] of Object.entries(ENCODINGS)) {
          const form = encode(text);
          expect(left.includes(form), `${name} of ${JSON.stringify(text)} left`).toBe(false);
          expect(left.includes(JSON.stringify(form).slice(1, -1)), `${name} in JSON left`).toBe(false);
        }
      }),
      { numRuns: 150 },
    );
    // Otherwise there would have been nothing to leak.
    expect(received).toBe(150);
  });
});
