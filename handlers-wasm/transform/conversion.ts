import { fail, Json, JsonWriter, MISSING, parseJson } from "tasker-wasm-broker/assemblyscript";

/** What `to` asks for. */
export const enum Conversion {
  None = 0,
  String = 1,
  Number = 2,
  Integer = 3,
  Boolean = 4,
}

const NAMES = ["", "string", "number", "integer", "boolean"];

/** Writes a scalar as another type; null stays null. What has no exact counterpart fails the step. */
export function convert(value: Json, conversion: Conversion, output: JsonWriter, at: string): void {
  if (value.isMissing || value.isNull) {
    output.null();
    return;
  }
  if (conversion == Conversion.String && (value.isNumber || value.isBool)) {
    output.string(value.toText());
    return;
  }
  const converted = convertTo(value, conversion);
  if (converted.isMissing) {
    fail("conversion_failed", at + ": expected a value that converts to " + NAMES[conversion] + ", got " + value.typeName);
  }
  output.json(converted);
}

/** MISSING when the value has no counterpart. */
function convertTo(value: Json, conversion: Conversion): Json {
  if (conversion == Conversion.String) return value.isString ? value : MISSING;
  const scalar = value.isString ? parseWhole(value.asString()) : value;
  if (conversion == Conversion.Boolean) return scalar.isBool ? scalar : MISSING;
  if (conversion == Conversion.Integer) return scalar.isInteger ? scalar : MISSING;
  return scalar.isNumber ? scalar : MISSING;
}

/** The JSON value that a text holds, without white space around it. */
function parseWhole(text: string): Json {
  const value = parseJson(text);
  return value.byteLength == text.length ? value : MISSING;
}
