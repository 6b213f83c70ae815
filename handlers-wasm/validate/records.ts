import { fail, Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";
import { rejectConfig } from "tasker-wasm-broker/assemblyscript/rules/config";
import { enterItem, startPlace } from "tasker-wasm-broker/assemblyscript/place";
import { check } from "./check";
import { clearErrors, errors, writeErrors } from "./report";
import { Schema } from "./schema";

/** Checks every record of an array: hands on those that are valid and, for `flag`, the others with their errors. */
export function validateRecords(schema: Schema, input: Json, onInvalid: string): JsonWriter {
  if (!input.isArray) return rejectConfig<JsonWriter>("$", "array, because config.each is true", input, "input_mismatch");
  const flag = onInvalid == "flag";
  const valid = new JsonWriter(input.byteLength + 1024);
  valid.beginObject().key("valid").beginArray();
  const invalid = new JsonWriter();
  invalid.beginArray();
  let count = 0;
  let invalidCount = 0;
  let first = "";
  for (let record = input.firstChild; record != input.afterLast; record = record.next) {
    clearErrors();
    startPlace("$");
    enterItem(count);
    if (check(schema, record)) valid.json(record);
    else {
      if (invalidCount++ == 0) first = errors[0].toText();
      if (flag) writeInvalid(record, count, invalid);
    }
    count++;
  }
  if (onInvalid == "fail" && invalidCount > 0) {
    const share = invalidCount.toString() + " of " + count.toString();
    fail("validation_failed", share + " records are not valid; the first: " + first);
  }
  valid.endArray();
  if (onInvalid != "filter") valid.key("invalid").raw(invalid.endArray());
  return valid.key("valid_count").integer(count - invalidCount).key("invalid_count").integer(invalidCount).endObject();
}

function writeInvalid(record: Json, index: i32, invalid: JsonWriter): void {
  invalid.beginObject().key("index").integer(index).key("errors");
  writeErrors(invalid);
  invalid.key("record").json(record).endObject();
}
