import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandlerCache } from '../../src/host/cache/handler-cache.ts';
import type { GrantInput } from '../../src/model/grant.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { compileSource } from '../assemblyscript/compile-source.ts';

/** What `now()` says at the start, after computing, and after a call that left the sandbox. */
const SOURCE = `
import { cacheGet, JsonWriter, Json, now } from "tasker-wasm-broker/assemblyscript";

@handler("clock")
function clock(input: Json): JsonWriter {
  const start = now();
  let sum = 0;
  for (let i = 0; i < 30_000_000; i++) sum = sum * 31 + i;
  const computed = now();
  cacheGet("k");
  return new JsonWriter().beginArray().number(start).number(computed).number(now()).integer(sum).endArray();
}`;

let sandbox: Sandbox;
let wasm: Uint8Array;
beforeAll(async () => {
  const http = { exchange: () => Promise.reject(new Error('no request is expected')), close: async () => {} };
  const cache = createHandlerCache({ maxBytes: 1000, maxHandlers: 1 });
  sandbox = createSandbox({ host: { http, secrets: { get: async () => null }, cache } });
  ({ wasm } = await compileSource(SOURCE));
});
afterAll(() => sandbox.close());

async function times(time: GrantInput): Promise<number[]> {
  const grants: GrantInput[] = [time, { capability: 'cache', ttl_ms: 1000 }];
  const outcome = await sandbox.execute(await sandbox.admit(wasm), { input: '{}', grants, timeMs: 5000 });
  return outcome.kind === 'completed' ? JSON.parse(outcome.output) : [];
}

describe('get_time', () => {
  it('stands still for the whole invocation', async () => {
    expect((await times({ capability: 'time' })).slice(0, 3)).toEqual([5000, 5000, 5000]);
  });

  it('goes on where that is granted, but only when a call comes back: computing cannot be measured', async () => {
    const [start = 0, computed = 0, after = 0] = await times({ capability: 'time', advance: true });
    expect([start, computed]).toEqual([5000, 5000]);
    expect(after).toBeGreaterThan(5000);
    expect(Number.isInteger(after)).toBe(true);
  });
});
