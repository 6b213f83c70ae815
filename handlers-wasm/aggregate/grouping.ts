import { fail, Json, JsonWriter, MISSING, Path } from "tasker-wasm-broker/assemblyscript";
import { Accumulator, Metric, writeMetrics } from "./metric";

/** Records that share a key. */
@final
export class Group {
  constructor(
    /** String, number or boolean; MISSING for records without one. */
    readonly key: Json,
    private missingKey: string,
    readonly accumulators: Accumulator[],
  ) {}

  /** The key as text. */
  get label(): string {
    if (this.key.isMissing) return this.missingKey;
    return this.key.isString ? this.key.asString() : this.key.toText();
  }

  write(metrics: Metric[], output: JsonWriter): void {
    output.beginObject().key("key");
    if (this.key.isMissing) output.string(this.missingKey);
    else output.json(this.key);
    writeMetrics(metrics, this.accumulators, output);
    output.endObject();
  }
}

/** Sorts records into groups, in the order in which their keys first appear. */
@final
export class Grouping {
  readonly groups: Group[] = [];
  readonly totals: Accumulator[];
  private indexOfKey: Map<string, i32> = new Map();

  /** Without `path` there are no groups, only totals. */
  constructor(private metrics: Metric[], private path: Path | null, private missingKey: string) {
    this.totals = createAccumulators(metrics.length);
  }

  add(record: Json, index: i32): void {
    addTo(this.totals, this.metrics, record);
    const path = this.path;
    if (path === null) return;
    const key = path.find(record);
    if (key.isArray || key.isObject) {
      fail("group_key_invalid", "$[" + index.toString() + "]: expected a string, number or boolean at " + path.text + ", got " + key.typeName);
    }
    addTo(this.groupOf(key).accumulators, this.metrics, record);
  }

  private groupOf(key: Json): Group {
    const isMissing = key.isMissing || key.isNull;
    const identity = isMissing ? "s" + this.missingKey : identityOf(key);
    if (!this.indexOfKey.has(identity)) {
      this.indexOfKey.set(identity, this.groups.length);
      this.groups.push(new Group(isMissing ? MISSING : key, this.missingKey, createAccumulators(this.metrics.length)));
    }
    return this.groups[this.indexOfKey.get(identity)];
  }
}

/** Tells keys apart: 1 and 1.0 are the same, 1 and "1" are not. */
function identityOf(key: Json): string {
  if (key.isString) return "s" + key.asString();
  return key.isNumber ? "n" + key.asNumber().toString() : "b" + key.toText();
}

function addTo(accumulators: Accumulator[], metrics: Metric[], record: Json): void {
  for (let i = 0, length = metrics.length; i < length; i++) unchecked(accumulators[i]).add(unchecked(metrics[i]), record);
}

function createAccumulators(count: i32): Accumulator[] {
  const accumulators: Accumulator[] = [];
  for (let i = 0; i < count; i++) accumulators.push(new Accumulator());
  return accumulators;
}
