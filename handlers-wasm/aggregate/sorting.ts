import { fail, Json } from "tasker-wasm-broker/assemblyscript";
import {
  optionalString,
  refuseUnknownMembers,
  requireObject,
  requireString,
} from "tasker-wasm-broker/assemblyscript/rules/config";
import { compareNumbers, compareStrings } from "tasker-wasm-broker/assemblyscript/rules/order";
import { Group } from "./grouping";
import { Metric, Operation } from "./metric";

/** Sorts by the key's text. */
const BY_KEY = -1;

/** How groups are sorted: by key or by one metric. Groups that compare equal keep their order. */
@final
export class Sort {
  constructor(private metric: i32, private operation: Operation, private descending: bool) {}

  /** A sorted copy: merge sort, which is stable. */
  apply(groups: Group[]): Group[] {
    if (groups.length < 2) return groups;
    const middle = groups.length >> 1;
    const left = this.apply(groups.slice(0, middle));
    const right = this.apply(groups.slice(middle));
    const merged: Group[] = [];
    let fromLeft = 0;
    let fromRight = 0;
    while (fromLeft < left.length && fromRight < right.length) {
      const takeLeft = this.compare(left[fromLeft], right[fromRight]) <= 0;
      merged.push(takeLeft ? left[fromLeft++] : right[fromRight++]);
    }
    while (fromLeft < left.length) merged.push(left[fromLeft++]);
    while (fromRight < right.length) merged.push(right[fromRight++]);
    return merged;
  }

  /** Groups without a value come last in either direction. */
  private compare(a: Group, b: Group): i32 {
    if (this.metric == BY_KEY) return this.directed(compareStrings(a.label, b.label));
    const left = a.accumulators[this.metric].result(this.operation);
    const right = b.accumulators[this.metric].result(this.operation);
    if (isNaN(left) || isNaN(right)) return i32(isNaN(left)) - i32(isNaN(right));
    return this.directed(compareNumbers(left, right));
  }

  private directed(order: i32): i32 {
    return this.descending ? -order : order;
  }
}

/** Compiles `{by, order}`; null when groups keep the order in which they appear. */
export function compileSort(config: Json, metrics: Metric[]): Sort | null {
  if (config.isMissing) return null;
  refuseUnknownMembers(requireObject(config, "config.sort"), ["by", "order"], "config.sort");
  const order = optionalString(config.get("order"), "asc", "config.sort.order");
  if (order != "asc" && order != "desc") fail("config_invalid", "config.sort.order: expected asc or desc, got " + order);
  const by = requireString(config.get("by"), "config.sort.by");
  if (by == "key") return new Sort(BY_KEY, Operation.Count, order == "desc");
  for (let i = 0; i < metrics.length; i++) {
    if (metrics[i].name == by) return new Sort(i, metrics[i].operation, order == "desc");
  }
  return fail<Sort | null>("config_invalid", "config.sort.by: expected key or the name of a metric, got " + by);
}
