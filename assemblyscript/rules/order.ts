import { Json } from "../json/json";

/** What `compareValues` answers for values that have no order, such as a string and a number. */
export const UNORDERED = 2;

/** -1, 0 or 1 for two numbers or two strings (by Unicode code point); UNORDERED for anything else. */
export function compareValues(a: Json, b: Json): i32 {
  if (a.isNumber && b.isNumber) return compareNumbers(a.asNumber(), b.asNumber());
  if (a.isString && b.isString) return compareStrings(a.asString(), b.asString());
  return UNORDERED;
}

export function compareNumbers(a: f64, b: f64): i32 {
  return a < b ? -1 : i32(a > b);
}

/** Order by code point: UTF-8 bytes sort that way, UTF-16 units do not. */
export function compareStrings(a: string, b: string): i32 {
  const left = String.UTF8.encode(a);
  const right = String.UTF8.encode(b);
  const shorter = min(left.byteLength, right.byteLength);
  const order = memory.compare(changetype<usize>(left), changetype<usize>(right), shorter);
  if (order != 0) return order < 0 ? -1 : 1;
  return compareNumbers(left.byteLength, right.byteLength);
}
