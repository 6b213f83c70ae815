import { Json, JsonWriter, Path } from "tasker-wasm-broker/assemblyscript";
import {
  optionalInteger,
  optionalString,
  refuseUnknownMembers,
  rejectConfig,
  requireString,
} from "tasker-wasm-broker/assemblyscript/rules/config";
import { Grouping } from "./grouping";
import { compileMetrics, writeMetrics } from "./metric";
import { compileSort } from "./sorting";

/** Reduces an array of records to groups with counts, sums, extremes and means. */
@handler("aggregate")
function aggregate(input: Json, config: Json): JsonWriter {
  refuseUnknownMembers(config, ["group_by", "missing_key", "metrics", "sort", "limit"], "config");
  if (!input.isArray) return rejectConfig<JsonWriter>("$", "array of records", input, "input_mismatch");
  const metrics = compileMetrics(config.get("metrics"));
  const groupBy = config.get("group_by");
  const grouping = new Grouping(
    metrics,
    groupBy.isMissing ? null : Path.parse(requireString(groupBy, "config.group_by")),
    optionalString(config.get("missing_key"), "unknown", "config.missing_key"),
  );
  const sort = compileSort(config.get("sort"), metrics);
  const limit = optionalInteger(config.get("limit"), i32.MAX_VALUE, 0, "config.limit");

  let count = 0;
  for (let record = input.firstChild; record != input.afterLast; record = record.next) grouping.add(record, count++);
  const groups = sort === null ? grouping.groups : sort.apply(grouping.groups);

  const output = new JsonWriter();
  output.beginObject().key("groups").beginArray();
  for (let i = 0; i < min(groups.length, limit); i++) groups[i].write(metrics, output);
  output.endArray().key("totals").beginObject();
  writeMetrics(metrics, grouping.totals, output);
  output.endObject().key("count").integer(count).key("skipped").beginObject();
  for (let i = 0; i < metrics.length; i++) {
    if (metrics[i].isNumeric) output.key(metrics[i].name).integer(grouping.totals[i].skipped);
  }
  return output.endObject().endObject();
}
