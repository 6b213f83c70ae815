import { Json, JsonKind, jsonEquals } from "tasker-wasm-broker/assemblyscript";
import { enterItem, enterKey, leave } from "tasker-wasm-broker/assemblyscript/place";
import { isMultiple } from "./multiple";
import { mute, report, unmute } from "./report";
import { Schema } from "./schema";
import { hasType, typesText } from "./types";

/** Checks a value against a schema and reports every error in it. Returns whether it is valid. */
export function check(schema: Schema, value: Json): bool {
  if (!schema.accepts) return report("false schema", "expected no value here");
  // A value of the wrong type gets this one error: the others would only repeat it.
  if (schema.types != 0 && !hasType(value, schema.types)) {
    return report("type", "expected " + typesText(schema.types) + ", got " + value.typeName);
  }
  let valid = true;
  if (schema.allowed.isPresent && !isAllowed(schema, value)) valid = report("enum", "expected one of the allowed values");
  if (schema.constant.isPresent && !jsonEquals(schema.constant, value)) valid = report("const", "expected the constant");
  switch (value.kind) {
    case JsonKind.Object:
      valid = checkObject(schema, value) && valid;
      break;
    case JsonKind.Array:
      valid = checkArray(schema, value) && valid;
      break;
    case JsonKind.String:
      if (schema.limitsLength) valid = checkLength(schema, value) && valid;
      break;
    case JsonKind.Number:
      if (schema.limitsNumber) valid = checkNumber(schema, value) && valid;
      break;
  }
  return checkCombined(schema, value) && valid;
}

function isAllowed(schema: Schema, value: Json): bool {
  for (let item = schema.allowed.firstChild; item != schema.allowed.afterLast; item = item.next) {
    if (jsonEquals(item, value)) return true;
  }
  return false;
}

function checkObject(schema: Schema, object: Json): bool {
  let valid = true;
  for (let i = 0, length = schema.required.length; i < length; i++) {
    const key = unchecked(schema.required[i]);
    if (key.of(object).isMissing) valid = report("required", "expected the property " + key.name);
  }
  const count = schema.propertyKeys.length;
  const additional = schema.additional;
  if (count == 0 && additional === null) return valid;
  // Members mostly come in the order of the schema: the search starts behind the last one found.
  let from = 0;
  const end = object.afterLast;
  for (let name = object.firstChild; name != end; name = name.next.next) {
    const index = findProperty(schema, name, from);
    if (index >= 0) {
      from = index + 1;
      valid = checkMember(unchecked(schema.propertySchemas[index]), name) && valid;
    } else if (additional !== null) {
      if (!additional.accepts) valid = report("additionalProperties", "expected no property " + name.asString());
      else valid = checkMember(additional, name) && valid;
    }
  }
  return valid;
}

function checkMember(schema: Schema, name: Json): bool {
  enterKey(name);
  const valid = check(schema, name.next);
  leave();
  return valid;
}

/** Index of the schema's property with a name, or -1. */
function findProperty(schema: Schema, name: Json, from: i32): i32 {
  const count = schema.propertyKeys.length;
  for (let i = from; i < count; i++) if (unchecked(schema.propertyKeys[i]).is(name)) return i;
  for (let i = 0; i < min(from, count); i++) if (unchecked(schema.propertyKeys[i]).is(name)) return i;
  return -1;
}

function checkArray(schema: Schema, list: Json): bool {
  let valid = true;
  let length = 0;
  const items = schema.items;
  for (let item = list.firstChild; item != list.afterLast; item = item.next) {
    if (items !== null) {
      enterItem(length);
      valid = check(items, item) && valid;
      leave();
    }
    length++;
  }
  if (<f64>length < schema.minItems) valid = report("minItems", "expected at least " + text(schema.minItems) + " items");
  if (<f64>length > schema.maxItems) valid = report("maxItems", "expected at most " + text(schema.maxItems) + " items");
  return valid;
}

function checkLength(schema: Schema, value: Json): bool {
  const length = <f64>value.codePoints;
  let valid = true;
  if (length < schema.minLength) valid = report("minLength", "expected at least " + text(schema.minLength) + " characters");
  if (length > schema.maxLength) valid = report("maxLength", "expected at most " + text(schema.maxLength) + " characters");
  return valid;
}

function checkNumber(schema: Schema, value: Json): bool {
  const number = value.asNumber();
  let valid = true;
  if (number < schema.minimum) valid = report("minimum", "expected at least " + text(schema.minimum));
  if (number > schema.maximum) valid = report("maximum", "expected at most " + text(schema.maximum));
  if (number <= schema.exclusiveMinimum) valid = report("exclusiveMinimum", "expected more than " + text(schema.exclusiveMinimum));
  if (number >= schema.exclusiveMaximum) valid = report("exclusiveMaximum", "expected less than " + text(schema.exclusiveMaximum));
  if (schema.multipleOf.isPresent && !isMultiple(value, schema.multipleOf)) {
    valid = report("multipleOf", "expected a multiple of " + schema.multipleOf.toText());
  }
  return valid;
}

function checkCombined(schema: Schema, value: Json): bool {
  let valid = true;
  for (let i = 0; i < schema.allOf.length; i++) valid = check(schema.allOf[i], value) && valid;
  if (schema.anyOf.length > 0 && countMatches(schema.anyOf, value) == 0) {
    valid = report("anyOf", "expected a value that matches at least one of the schemas");
  }
  if (schema.oneOf.length > 0 && countMatches(schema.oneOf, value) != 1) {
    valid = report("oneOf", "expected a value that matches exactly one of the schemas");
  }
  const not = schema.not;
  if (not !== null && matches(not, value)) valid = report("not", "expected a value that does not match the schema");
  return valid;
}

function countMatches(schemas: Schema[], value: Json): i32 {
  let count = 0;
  for (let i = 0; i < schemas.length; i++) count += i32(matches(schemas[i], value));
  return count;
}

/** Checks without reporting. */
function matches(schema: Schema, value: Json): bool {
  mute();
  const valid = check(schema, value);
  unmute();
  return valid;
}

function text(limit: f64): string {
  return limit == Math.trunc(limit) && Math.abs(limit) < 1e15 ? (<i64>limit).toString() : limit.toString();
}
