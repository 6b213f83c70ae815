import { Json, JsonKind } from "tasker-wasm-broker/assemblyscript";

/** JSON Schema's types as bits. A number without fraction is a number and an integer. */
const NAMES = ["null", "boolean", "number", "string", "array", "object", "integer"];
const NUMBER: u32 = 1 << 2;
const INTEGER: u32 = 1 << 6;

/** The bit of a type by its name; 0 for a name that is none. */
export function typeBit(name: string): u32 {
  const index = NAMES.indexOf(name);
  return index < 0 ? 0 : <u32>1 << index;
}

/** True when a value has one of the types. */
export function hasType(value: Json, types: u32): bool {
  const bit = bitOf(value.kind);
  if ((types & bit) != 0) return true;
  return bit == NUMBER && (types & INTEGER) != 0 && value.isInteger;
}

/** The types in words: `string or null`. */
export function typesText(types: u32): string {
  const names: string[] = [];
  for (let i = 0; i < NAMES.length; i++) if ((types & (<u32>1 << i)) != 0) names.push(NAMES[i]);
  return names.join(" or ");
}

function bitOf(kind: JsonKind): u32 {
  switch (kind) {
    case JsonKind.Null:
      return 1;
    case JsonKind.False:
    case JsonKind.True:
      return 1 << 1;
    case JsonKind.Number:
      return NUMBER;
    case JsonKind.String:
      return 1 << 3;
    case JsonKind.Array:
      return 1 << 4;
    default:
      return 1 << 5;
  }
}
