import * as abi from "./abi";
import { allocatePadded } from "./bytes";
import { Json } from "./json/json";
import { parseJson } from "./json/parser";
import { JsonWriter } from "./json/writer";

/**
 * Facts about the step: `task` {namespace, name, version}, `step`, `attempt`, `max_attempts`, `correlation_id`, and for
 * a batch worker `batch` {batch_id, start_cursor, end_cursor, batch_size, is_no_op}. `checkpoint` is where an earlier run
 * got to {cursor, items_processed, accumulated_results}, or null.
 */
export function readStep(): Json {
  const length = abi.step_len();
  const start = allocatePadded(length);
  abi.step_read(start);
  return parseJson(start, length);
}

/**
 * Ends this run at a checkpoint. The handler is run again at once, and after a crash, with `readStep().get("checkpoint")`
 * saying where to go on. Nothing after it runs.
 *
 * @param cursor any JSON that says where to go on
 * @param accumulatedResults what is handed to the next run beside it; JSON `null` without it
 */
export function yieldCheckpoint<T = void>(
  cursor: JsonWriter,
  itemsProcessed: i64,
  accumulatedResults: JsonWriter | null = null,
): T {
  const request = new JsonWriter();
  request.beginObject().key("cursor").raw(cursor);
  request.key("items_processed").integer(itemsProcessed).key("accumulated_results");
  if (accumulatedResults == null) request.null();
  else request.raw(accumulatedResults);
  request.endObject();
  abi.checkpoint(request.start, request.length);
  return unreachable();
}

/** What becomes of a step that waits when the time is over, and when a person says no. */
export class WaitOptions {
  /** "fail", "approve" or "reject". */
  onTimeout: string = "fail";
  /** "fail" or "complete": completed with `decision` "rejected". */
  onReject: string = "fail";
  /** Shown to the person, and part of the result. */
  data: JsonWriter | null = null;
}

/**
 * Ends this run: the step waits for a person's decision, which becomes its result. The handler is not run again. Needs
 * the capability `wait`. Nothing after it runs.
 */
export function waitForDecision<T = void>(
  reason: string,
  timeoutMs: i64,
  options: WaitOptions = new WaitOptions(),
): T {
  const request = new JsonWriter();
  request.beginObject().key("reason").string(reason).key("timeout_ms").integer(timeoutMs);
  request.key("on_timeout").string(options.onTimeout).key("on_reject").string(options.onReject);
  const data = options.data;
  if (data != null) request.key("data").raw(data);
  request.endObject();
  abi.wait(request.start, request.length);
  return unreachable();
}
