import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandlerCache } from '../../src/host/cache/handler-cache.ts';
import { createSecretSource } from '../../src/host/secrets/secret-source.ts';
import type { GrantInput } from '../../src/model/grant.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { compileSource } from '../assemblyscript/compile-source.ts';

/* Threat: steps interfere with each other, or carry something out, through the one state that outlives a step. */

const SOURCE = `
import { cacheGet, cachePut, Json, JsonWriter, readSecret } from "tasker-wasm-broker/assemblyscript";

@handler("keeper")
function keeper(input: Json): JsonWriter {
  const key = input.get("key").asString("k");
  const before = cacheGet(key);
  const put = input.get("put");
  if (put.isString) cachePut(key, put.asString(), <i32>input.get("ttl").asNumber(1000));
  if (input.get("steal").isBool) cachePut(key, "x" + readSecret("KEY"), 1000);
  const output = new JsonWriter();
  return before === null ? output.bool(false) : output.string(before);
}`;

let wasm: Uint8Array;
beforeAll(async () => {
  ({ wasm } = await compileSource(SOURCE));
});

const secrets = createSecretSource({ KEY: { env: 'KEY' } }, { KEY: 'a-secret-value' });
const http = { exchange: () => Promise.reject(new Error('no request is expected')), close: async () => {} };
const cache = createHandlerCache({ maxBytes: 100_000, maxHandlers: 8 });
const sandboxes: Sandbox[] = [];
afterAll(() => Promise.all(sandboxes.map((sandbox) => sandbox.close())));
const sandboxWith = (keeps: boolean): Sandbox => {
  const sandbox = createSandbox({ host: { http, secrets, ...(keeps && { cache }) } });
  sandboxes.push(sandbox);
  return sandbox;
};

const CACHE: GrantInput = { capability: 'cache', ttl_ms: 60_000, value_bytes: 100 };
const READ: GrantInput = { capability: 'secret_read', names: ['KEY'] };

async function run(sandbox: Sandbox, input: Record<string, string | number | boolean>, namespace = 'wasm') {
  const artifact = await sandbox.admit(wasm);
  const outcome = await sandbox.execute(artifact, { input, namespace, grants: [CACHE, READ] });
  return outcome.kind === 'completed' ? JSON.parse(outcome.output) : outcome;
}

describe('the cache', () => {
  it('keeps a value for a later step of the same handler in the same namespace only', async () => {
    const sandbox = sandboxWith(true);
    expect(await run(sandbox, { key: 'shared', put: 'value' })).toBe(false);
    expect(await run(sandbox, { key: 'shared' })).toBe('value');
    expect(await run(sandbox, { key: 'shared' }, 'another')).toBe(false);
  });

  it('is off unless the operator keeps one', async () => {
    expect(await run(sandboxWith(false), {})).toMatchObject({
      kind: 'failed',
      code: 'ERR_CACHE_UNAVAILABLE',
    });
  });

  it('needs a grant', async () => {
    const sandbox = sandboxWith(true);
    const refused = sandbox.execute(await sandbox.admit(wasm), { input: '{}', grants: [READ] });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_GRANT_MISSING' });
  });

  it('keeps nothing longer or larger than granted, and says what would grant it', async () => {
    const sandbox = sandboxWith(true);
    for (const input of [{ put: 'v', ttl: 60_001 }, { put: 'x'.repeat(101) }]) {
      const outcome = await run(sandbox, input);
      expect(outcome).toMatchObject({ kind: 'failed', code: 'ERR_GRANT_MISSING' });
      expect(outcome.message).toContain('capability = "cache"');
    }
  });

  it('refuses a key that is none', async () => {
    const sandbox = sandboxWith(true);
    for (const key of ['', 'k'.repeat(257)]) {
      expect(await run(sandbox, { key })).toMatchObject({ kind: 'failed', code: 'ERR_HOST_CALL_INVALID' });
    }
  });

  it('refuses a value that has no room', async () => {
    const small = createHandlerCache({ maxBytes: 64, maxHandlers: 1 });
    const sandbox = createSandbox({ host: { http, secrets, cache: small } });
    sandboxes.push(sandbox);
    expect(await run(sandbox, { put: 'v' })).toMatchObject({ kind: 'failed', code: 'ERR_CACHE_TOO_LARGE' });
  });

  it('never keeps a secret, where a step without its grant would find it', async () => {
    const sandbox = sandboxWith(true);
    expect(await run(sandbox, { key: 'loot', steal: true })).toMatchObject({ code: 'ERR_SECRET_DENIED' });
    expect(await run(sandbox, { key: 'loot' })).toBe(false);
  });
});
