import { fail, Json, JsonWriter, Path } from "tasker-wasm-broker/assemblyscript";
import {
  refuseUnknownMembers,
  requireObject,
  requireString,
} from "tasker-wasm-broker/assemblyscript/rules/config";

export const enum Operation {
  Count = 0,
  Sum = 1,
  Min = 2,
  Max = 3,
  Mean = 4,
}

const NAMES = ["count", "sum", "min", "max", "mean"];

/** One configured metric. */
@final
export class Metric {
  constructor(readonly name: string, readonly operation: Operation, readonly path: Path | null) {}

  /** True when it reads numbers: others are skipped and counted. */
  get isNumeric(): bool {
    return this.operation != Operation.Count;
  }
}

/** What a metric has seen of one group, in the order of the records: sums are those a plain loop over doubles gives. */
@final
export class Accumulator {
  counted: i32 = 0;
  skipped: i32 = 0;
  private sum: f64 = 0;
  private least: f64 = 0;
  private greatest: f64 = 0;

  add(metric: Metric, record: Json): void {
    const path = metric.path;
    if (path === null) {
      this.counted++;
      return;
    }
    const value = path.find(record);
    if (!metric.isNumeric) {
      if (value.isPresent && !value.isNull) this.counted++;
    } else if (value.isNumber) this.addNumber(value.asNumber());
    else this.skipped++;
  }

  /** The metric's value; NaN for an extreme or mean of nothing. */
  result(operation: Operation): f64 {
    if (operation == Operation.Count) return this.counted;
    if (operation == Operation.Sum) return this.sum;
    if (this.counted == 0) return NaN;
    if (operation == Operation.Min) return this.least;
    return operation == Operation.Max ? this.greatest : this.sum / <f64>this.counted;
  }

  private addNumber(value: f64): void {
    this.sum += value;
    if (this.counted == 0 || value < this.least) this.least = value;
    if (this.counted == 0 || value > this.greatest) this.greatest = value;
    this.counted++;
  }
}

/** Compiles `{name: {op, path}, …}`. */
export function compileMetrics(config: Json): Metric[] {
  requireObject(config, "config.metrics");
  const metrics: Metric[] = [];
  for (let name = config.firstChild; name != config.afterLast; name = name.next.next) {
    metrics.push(compileMetric(name.asString(), name.next));
  }
  return metrics;
}

function compileMetric(name: string, config: Json): Metric {
  const at = "config.metrics." + name;
  refuseUnknownMembers(requireObject(config, at), ["op", "path"], at);
  if (name == "key") fail("config_invalid", at + ": expected another name, because key names the group");
  const op = requireString(config.get("op"), at + ".op");
  const operation = NAMES.indexOf(op);
  if (operation < 0) fail("config_invalid", at + ".op: expected " + NAMES.join(", ") + ", got " + op);
  const path = config.get("path");
  if (path.isMissing && operation != Operation.Count) fail("config_invalid", at + ".path: expected a path, got nothing");
  return new Metric(name, <Operation>operation, path.isMissing ? null : Path.parse(requireString(path, at + ".path")));
}

/** Writes the metrics as members of an open object; a value that does not exist is null. */
export function writeMetrics(metrics: Metric[], accumulators: Accumulator[], output: JsonWriter): void {
  for (let i = 0; i < metrics.length; i++) {
    const value = accumulators[i].result(metrics[i].operation);
    output.key(metrics[i].name);
    if (isNaN(value)) output.null();
    else output.number(value);
  }
}
