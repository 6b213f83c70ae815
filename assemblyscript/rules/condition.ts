import { jsonEquals } from "../json/equality";
import { Json } from "../json/json";
import { Path } from "../path";
import { fail } from "../failure";
import { refuseUnknownMembers, rejectConfig, requireArray, requireObject, requireString } from "./config";
import { compareValues, UNORDERED } from "./order";

/*
 * The condition language of the catalog:
 *
 *   condition = { path, op, value } | { all: [condition…] } | { any: [condition…] } | { not: condition }
 *   op        = eq | ne | gt | gte | lt | lte | in | exists
 *
 * A path that finds nothing satisfies only `ne` and `exists: false`. Values of different types are never equal and
 * have no order. Strings are ordered by Unicode code point.
 */

const UNSUPPORTED = "condition_unsupported";

/** A compiled condition. */
export abstract class Condition {
  abstract holds(record: Json): bool;
}

/** Compiles a condition; anything outside the language fails the step. `at` names it in messages. */
export function compileCondition(config: Json, at: string): Condition {
  requireObject(config, at, UNSUPPORTED);
  if (config.get("all").isPresent) return compileGroup(config, "all", at);
  if (config.get("any").isPresent) return compileGroup(config, "any", at);
  if (config.get("not").isPresent) {
    refuseUnknownMembers(config, ["not"], at, UNSUPPORTED);
    return new Negation(compileCondition(config.get("not"), at + ".not"));
  }
  return compileComparison(config, at);
}

function compileGroup(config: Json, name: string, at: string): Condition {
  refuseUnknownMembers(config, [name], at, UNSUPPORTED);
  const list = requireArray(config.get(name), at + "." + name, UNSUPPORTED);
  const parts: Condition[] = [];
  for (let part = list.firstChild; part != list.afterLast; part = part.next) {
    parts.push(compileCondition(part, at + "." + name + "[" + parts.length.toString() + "]"));
  }
  return name == "all" ? new All(parts) : new Any(parts);
}

function compileComparison(config: Json, at: string): Condition {
  refuseUnknownMembers(config, ["path", "op", "value"], at, UNSUPPORTED);
  const path = Path.parse(requireString(config.get("path"), at + ".path", UNSUPPORTED));
  const op = requireString(config.get("op"), at + ".op", UNSUPPORTED);
  const value = config.get("value");
  if (op == "exists") {
    if (value.isPresent && !value.isBool) return rejectConfig<Condition>(at + ".value", "boolean", value, UNSUPPORTED);
    return new Existence(path, value.asBool(true));
  }
  if (value.isMissing) return rejectConfig<Condition>(at + ".value", "a value to compare with", value, UNSUPPORTED);
  if (op == "eq") return new Equality(path, value);
  if (op == "ne") return new Negation(new Equality(path, value));
  if (op == "in") return new Membership(path, requireArray(value, at + ".value", UNSUPPORTED));
  if (op == "gt") return new Ordering(path, value, 1, false);
  if (op == "gte") return new Ordering(path, value, 1, true);
  if (op == "lt") return new Ordering(path, value, -1, false);
  if (op == "lte") return new Ordering(path, value, -1, true);
  return fail<Condition>(UNSUPPORTED, at + ".op: expected eq, ne, gt, gte, lt, lte, in or exists, got " + op);
}

class All extends Condition {
  constructor(private parts: Condition[]) { super(); }

  holds(record: Json): bool {
    for (let i = 0; i < this.parts.length; i++) if (!this.parts[i].holds(record)) return false;
    return true;
  }
}

class Any extends Condition {
  constructor(private parts: Condition[]) { super(); }

  holds(record: Json): bool {
    for (let i = 0; i < this.parts.length; i++) if (this.parts[i].holds(record)) return true;
    return false;
  }
}

class Negation extends Condition {
  constructor(private part: Condition) { super(); }

  holds(record: Json): bool {
    return !this.part.holds(record);
  }
}

class Existence extends Condition {
  constructor(private path: Path, private wanted: bool) { super(); }

  holds(record: Json): bool {
    return this.path.find(record).isPresent == this.wanted;
  }
}

class Equality extends Condition {
  constructor(private path: Path, private value: Json) { super(); }

  holds(record: Json): bool {
    return jsonEquals(this.path.find(record), this.value);
  }
}

class Membership extends Condition {
  constructor(private path: Path, private list: Json) { super(); }

  holds(record: Json): bool {
    const found = this.path.find(record);
    for (let item = this.list.firstChild; item != this.list.afterLast; item = item.next) {
      if (jsonEquals(found, item)) return true;
    }
    return false;
  }
}

class Ordering extends Condition {
  /** `wanted` is 1 for greater and -1 for less; `orEqual` also accepts equality. */
  constructor(private path: Path, private value: Json, private wanted: i32, private orEqual: bool) { super(); }

  holds(record: Json): bool {
    const order = compareValues(this.path.find(record), this.value);
    return order != UNORDERED && (order == this.wanted || (this.orEqual && order == 0));
  }
}
