import { Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";
import { compileCondition, Condition } from "tasker-wasm-broker/assemblyscript/rules/condition";
import {
  optionalBool,
  refuseUnknownMembers,
  rejectConfig,
  requireObject,
} from "tasker-wasm-broker/assemblyscript/rules/config";
import { ObjectExpression } from "./expression";
import { compileMapping, readOnMissing } from "./mapping";

/** Reshapes the input by a mapping: one value, or with `each` every record of an array. */
@handler("transform")
function transform(input: Json, config: Json): JsonWriter {
  refuseUnknownMembers(config, ["each", "mapping", "where", "on_missing"], "config");
  const each = optionalBool(config.get("each"), false, "config.each");
  const onMissing = readOnMissing(config.get("on_missing"));
  const mapping = compileMapping(requireObject(config.get("mapping"), "config.mapping"), "config.mapping", onMissing);
  const where = config.get("where");
  if (where.isPresent && !each) return rejectConfig<JsonWriter>("config.each", "true, because where filters records", config.get("each"));
  const output = new JsonWriter(input.byteLength + 64);
  if (!each) mapping.write(input, output);
  else transformEach(input, mapping, where.isMissing ? null : compileCondition(where, "config.where"), output);
  return output;
}

function transformEach(records: Json, mapping: ObjectExpression, where: Condition | null, output: JsonWriter): void {
  if (!records.isArray) rejectConfig("$", "array, because config.each is true", records, "input_mismatch");
  output.beginArray();
  const end = records.afterLast;
  for (let record = records.firstChild; record != end; record = record.next) {
    if (where === null || where.holds(record)) mapping.write(record, output);
  }
  output.endArray();
}
