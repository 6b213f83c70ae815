import type { GrantInput } from '../../src/model/grant.ts';

/* AssemblyScript of the handlers that create batches, go on from checkpoints and wait for a person. */

/** Cuts `total` items of the input into batches of `size` for the worker that the configuration names. */
export const SPLIT = `
import { Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";

@handler("interop_split")
function split(input: Json, config: Json): JsonWriter {
  const total = <i32>input.get("total").asNumber(0);
  const size = <i32>config.get("size").asNumber(1);
  const output = new JsonWriter();
  output.beginObject().key("batch_processing_outcome").beginObject().key("type");
  if (total == 0) return output.string("no_batches").endObject().endObject();
  const count = (total + size - 1) / size;
  output.string("create_batches").key("worker_template_name").json(config.get("worker_template_name"));
  output.key("worker_count").integer(count).key("total_items").integer(total).key("cursor_configs").beginArray();
  for (let batch = 0; batch < count; batch++) {
    output.beginObject().key("batch_id").string("00" + (batch + 1).toString());
    output.key("start_cursor").integer(batch * size).key("end_cursor").integer(min(total, (batch + 1) * size));
    output.key("batch_size").integer(size).endObject();
  }
  return output.endArray().endObject().endObject();
}`;

/** Adds up the numbers of its batch. */
export const SUM = `
import { Json, JsonWriter, readStep } from "tasker-wasm-broker/assemblyscript";

@handler("interop_sum")
function sum(_input: Json): JsonWriter {
  const batch = readStep().get("batch");
  let total = 0;
  for (let n = <i32>batch.get("start_cursor").asNumber(); n < <i32>batch.get("end_cursor").asNumber(); n++) total += n;
  return new JsonWriter().beginObject().key("batch").json(batch.get("batch_id")).key("sum").integer(total).endObject();
}`;

/**
 * Counts to `until`, one checkpoint for each number, and keeps the attempt in which it did. With `fail_at` the first
 * attempt fails when it gets there, and may be repeated.
 */
export const COUNT = `
import { fail, Json, JsonWriter, readStep, yieldCheckpoint } from "tasker-wasm-broker/assemblyscript";

@handler("interop_count")
function count(_input: Json, config: Json): JsonWriter {
  const step = readStep();
  const checkpoint = step.get("checkpoint");
  const attempt = <i32>step.get("attempt").asNumber();
  const done = <i32>checkpoint.get("cursor").asNumber(0);
  if (attempt == 1 && done == <i32>config.get("fail_at").asNumber(-1)) fail("not_now", "try again", true, 0);
  const attempts = new JsonWriter().beginArray();
  const before = checkpoint.get("accumulated_results");
  if (before.isArray) for (let n = before.firstChild; n != before.afterLast; n = n.next) attempts.json(n);
  if (done < <i32>config.get("until").asNumber(0)) {
    attempts.integer(attempt).endArray();
    return yieldCheckpoint<JsonWriter>(new JsonWriter().integer(done + 1), done + 1, attempts);
  }
  attempts.endArray();
  return new JsonWriter().beginObject().key("counted").integer(done).key("attempts").raw(attempts).endObject();
}`;

/** Waits for a person, as its configuration says. */
export const GATE = `
import { Json, JsonWriter, waitForDecision, WaitOptions } from "tasker-wasm-broker/assemblyscript";

@handler("interop_gate")
function gate(_input: Json, config: Json): JsonWriter {
  const options = new WaitOptions();
  options.onTimeout = config.get("on_timeout").asString("fail");
  options.onReject = config.get("on_reject").asString("fail");
  return waitForDecision<JsonWriter>("may it go on?", <i64>config.get("timeout_ms").asNumber(), options);
}`;

/** What the gate asks for, and what it is granted. */
export const GATE_GRANT: GrantInput = { capability: 'wait', timeout_ms: 600_000 };
