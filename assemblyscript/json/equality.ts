import { bytesEqual } from "../bytes";
import { Json } from "./json";
import { JsonKind } from "./kind";

/**
 * True when two values are equal as JSON Schema defines it: numbers by value (1 equals 1.0), strings by their
 * characters, arrays in order, objects in any order. Numbers compare as doubles, like in JavaScript.
 */
export function jsonEquals(a: Json, b: Json): bool {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case JsonKind.Number:
      return sameText(a, b) || a.asNumber() == b.asNumber();
    case JsonKind.String:
      return a.escaped || b.escaped ? a.asString() == b.asString() : sameText(a, b);
    case JsonKind.Array:
      return sameItems(a, b);
    case JsonKind.Object:
      return contains(a, b) && contains(b, a);
    default:
      return true;
  }
}

function sameText(a: Json, b: Json): bool {
  return a.byteLength == b.byteLength && bytesEqual(a.start, b.start, a.byteLength);
}

function sameItems(a: Json, b: Json): bool {
  let right = b.firstChild;
  for (let left = a.firstChild; left != a.afterLast; left = left.next) {
    if (right == b.afterLast || !jsonEquals(left, right)) return false;
    right = right.next;
  }
  return right == b.afterLast;
}

/** True when every member of `part` is a member of `whole`, with an equal value. */
function contains(whole: Json, part: Json): bool {
  for (let key = part.firstChild; key != part.afterLast; key = key.next.next) {
    const name = key.asString();
    if (!jsonEquals(whole.get(name), part.get(name))) return false;
  }
  return true;
}
