/** What a JSON cursor stands on. `Missing` is the answer to looking for something that is not there. */
export const enum JsonKind {
  Missing = 0,
  Null = 1,
  False = 2,
  True = 3,
  Number = 4,
  String = 5,
  Array = 6,
  Object = 7,
}

/** The kind in words, as messages name it. */
export function kindName(kind: JsonKind): string {
  switch (kind) {
    case JsonKind.Null:
      return "null";
    case JsonKind.False:
    case JsonKind.True:
      return "boolean";
    case JsonKind.Number:
      return "number";
    case JsonKind.String:
      return "string";
    case JsonKind.Array:
      return "array";
    case JsonKind.Object:
      return "object";
    default:
      return "nothing";
  }
}
