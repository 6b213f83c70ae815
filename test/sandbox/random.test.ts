import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { compileSource } from '../assemblyscript/compile-source.ts';
import { guest } from '../guests/wat.ts';

const SOURCE = `
import { Json, JsonWriter, randomBytes, randomNumber } from "tasker-wasm-broker/assemblyscript";

@handler("dice")
function dice(input: Json): JsonWriter {
  const output = new JsonWriter().beginArray();
  const bytes = randomBytes(<i32>input.get("bytes").asNumber(4));
  for (let i = 0; i < min(bytes.length, 8); i++) output.integer(bytes[i]);
  return output.number(randomNumber()).endArray();
}`;

let sandbox: Sandbox;
let wasm: Uint8Array;
beforeAll(async () => {
  sandbox = createSandbox();
  ({ wasm } = await compileSource(SOURCE));
});
afterAll(() => sandbox.close());

const RANDOM = [{ capability: 'random' }] as const;
const roll = async (options: Partial<Parameters<Sandbox['execute']>[1]> = {}) =>
  sandbox.execute(await sandbox.admit(wasm), { input: '{}', grants: RANDOM, ...options });

describe('random_bytes', () => {
  it('draws the key stream of AES-256-CTR under the seed, the same everywhere', async () => {
    const seed = '00'.repeat(32);
    const outcome = await roll({ seed, input: { bytes: 8 } });
    // NIST: AES-256 of sixteen zero bytes under the zero key is dc95c078a2408989ad48a21492842087.
    expect(outcome.kind === 'completed' && JSON.parse(outcome.output).slice(0, 8)).toEqual([
      ...Buffer.from('dc95c078a2408989', 'hex'),
    ]);
    expect(outcome.receipt.seed).toBe(seed);
  });

  it('is drawn from a new seed in every invocation, and from the one in a receipt again', async () => {
    const [one, other] = [await roll(), await roll()];
    expect(one.receipt.seed).toMatch(/^[0-9a-f]{64}$/);
    expect(one.receipt.seed).not.toBe(other.receipt.seed);
    expect(one.receipt.output_sha256).not.toBe(other.receipt.output_sha256);
    const again = await roll({ seed: one.receipt.seed ?? '' });
    expect(again.receipt.output_sha256).toBe(one.receipt.output_sha256);
    expect(again.usage.fuel).toBe(one.usage.fuel);
  });

  it('is refused without its grant, and a seed must be one', async () => {
    await expect(roll({ grants: [] })).rejects.toMatchObject({ code: 'ERR_GRANT_MISSING' });
    await expect(roll({ seed: 'abc' })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
  });

  it('has no seed where it is not granted', async () => {
    const outcome = await sandbox.execute(await sandbox.admit(guest({})), { input: '{}' });
    expect(outcome.receipt.seed).toBeNull();
  });

  it('gives more than 64 KiB in pieces, which are paid', async () => {
    const [few, many] = [await roll({ input: { bytes: 8 } }), await roll({ input: { bytes: 200_000 } })];
    expect(many.kind).toBe('completed');
    expect(many.usage.fuel - few.usage.fuel).toBeGreaterThan(100_000);
  });

  it.each([
    ['more than 64 KiB at once', '(i32.const 0) (i32.const 65537)', 'ERR_GUEST_PROTOCOL'],
    ['outside of its memory', '(i32.const 65530) (i32.const 100)', 'ERR_GUEST_POINTER'],
    ['4 GiB', '(i32.const 0) (i32.const -1)', 'ERR_LIMIT_FUEL'],
  ])('ends a guest that asks for %s', async (_, args, code) => {
    const module = guest({ imports: ['random_bytes'], body: `(call $random_bytes ${args}) (i32.const 0)` });
    const artifact = await sandbox.admit(module);
    const outcome = await sandbox.execute(artifact, {
      input: '{}',
      grants: RANDOM,
      limits: { fuel: 100_000_000 },
    });
    expect(outcome).toMatchObject({ code });
  });
});
