import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { compileSource } from './compile-source.ts';

const SOURCE = `
import { Json, JsonWriter, readStep, waitForDecision, WaitOptions, yieldCheckpoint } from "tasker-wasm-broker/assemblyscript";

@handler("later")
function later(input: Json): JsonWriter {
  const step = readStep();
  const checkpoint = step.get("checkpoint");
  if (input.get("wait").isMissing == false) {
    const options = new WaitOptions();
    options.onTimeout = "approve";
    options.data = new JsonWriter().beginArray().integer(1).endArray();
    return waitForDecision<JsonWriter>("is it \\"ok\\"?", 60000, options);
  }
  if (checkpoint.isNull) {
    return yieldCheckpoint<JsonWriter>(
      new JsonWriter().beginObject().key("page").integer(2).endObject(), 50, new JsonWriter().string("so far"));
  }
  return new JsonWriter().beginObject().key("from").json(checkpoint.get("cursor")).endObject();
}`;

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = createSandbox();
});
afterAll(() => sandbox.close());

it('a handler in AssemblyScript goes on from its checkpoint and waits for a decision', async () => {
  const artifact = await sandbox.admit((await compileSource(SOURCE)).wasm);
  const grants = [{ capability: 'wait', timeout_ms: 60_000 }] as const;
  const first = await sandbox.execute(artifact, { input: '{}', step: { checkpoint: null }, grants });
  expect(first).toMatchObject({
    kind: 'yielded',
    checkpoint: { cursor: { page: 2 }, items_processed: 50, accumulated_results: 'so far' },
    usage: { fuelExact: true },
  });
  const second = await sandbox.execute(artifact, {
    input: '{}',
    step: { checkpoint: { cursor: { page: 2 } } },
    grants,
  });
  expect(second).toMatchObject({ kind: 'completed', output: '{"from":{"page":2}}' });
  const waiting = await sandbox.execute(artifact, { input: '{"wait":true}', grants });
  expect(waiting).toMatchObject({
    kind: 'waiting',
    wait: {
      reason: 'is it "ok"?',
      timeout_ms: 60_000,
      on_timeout: 'approve',
      on_reject: 'fail',
      data: [1],
    },
  });
});
