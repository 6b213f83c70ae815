import { fail } from "../failure";
import { Json } from "../json/json";
import { pathStepText } from "../path-names";

/** A configuration is not what its schema says; the host checks the schema before, so this is a second line. */
export const CONFIG_INVALID = "config_invalid";

/** Fails the step: a part of the configuration is not what it should be. */
export function rejectConfig<T = void>(at: string, expected: string, got: Json, code: string = CONFIG_INVALID): T {
  return fail<T>(code, at + ": expected " + expected + ", got " + got.typeName);
}

/** Fails the step when an object has a member that is not in `known`: nothing is ignored silently. */
export function refuseUnknownMembers(object: Json, known: string[], at: string, code: string = CONFIG_INVALID): void {
  for (let key = object.firstChild; key != object.afterLast; key = key.next.next) {
    const name = key.asString();
    if (!known.includes(name)) {
      fail(code, at + pathStepText(name) + ": expected only " + known.join(", ") + ", got " + name);
    }
  }
}

export function requireObject(value: Json, at: string, code: string = CONFIG_INVALID): Json {
  return value.isObject ? value : rejectConfig<Json>(at, "object", value, code);
}

export function requireArray(value: Json, at: string, code: string = CONFIG_INVALID): Json {
  return value.isArray ? value : rejectConfig<Json>(at, "array", value, code);
}

export function requireString(value: Json, at: string, code: string = CONFIG_INVALID): string {
  return value.isString ? value.asString() : rejectConfig<string>(at, "string", value, code);
}

/** A string, or `fallback` where the member is missing. */
export function optionalString(value: Json, fallback: string, at: string): string {
  return value.isMissing ? fallback : requireString(value, at);
}

/** A boolean, or `fallback` where the member is missing. */
export function optionalBool(value: Json, fallback: bool, at: string): bool {
  if (value.isMissing) return fallback;
  return value.isBool ? value.asBool() : rejectConfig<bool>(at, "boolean", value);
}

/** A whole number from `least` up, or `fallback` where the member is missing. */
export function optionalInteger(value: Json, fallback: i32, least: i32, at: string): i32 {
  if (value.isMissing) return fallback;
  const number = value.isInteger ? value.asNumber() : NaN;
  if (!(number >= <f64>least && number <= <f64>i32.MAX_VALUE)) {
    return rejectConfig<i32>(at, "whole number of at least " + least.toString(), value);
  }
  return <i32>number;
}
