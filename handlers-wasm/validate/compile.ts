import { fail, Json, JsonKey } from "tasker-wasm-broker/assemblyscript";
import { Schema } from "./schema";
import { typeBit } from "./types";

/** Keywords that say nothing about whether a value is valid. */
const ANNOTATIONS = ["title", "description", "default", "examples", "$schema", "$comment", "deprecated", "readOnly", "writeOnly"];

/** Compiles a schema. A keyword outside the subset fails the step: what is not checked is never passed over. */
export function compileSchema(source: Json, at: string): Schema {
  const schema = new Schema();
  if (source.isBool) {
    schema.accepts = source.asBool();
    return schema;
  }
  if (!source.isObject) return reject<Schema>(at, "object or boolean", source);
  for (let name = source.firstChild; name != source.afterLast; name = name.next.next) {
    const keyword = name.asString();
    const place = at + "." + keyword;
    const known = compileGeneral(schema, keyword, name.next, place)
      || compileNumeric(schema, keyword, name.next, place)
      || compileObject(schema, keyword, name.next, place)
      || compileCombined(schema, keyword, name.next, place)
      || ANNOTATIONS.includes(keyword);
    if (!known) fail("schema_unsupported", place + ": expected a keyword of the supported subset, got " + keyword);
  }
  return schema;
}

/** Keywords for any type, and for arrays and strings. Returns false for another keyword, like the functions below. */
function compileGeneral(schema: Schema, keyword: string, value: Json, at: string): bool {
  if (keyword == "type") schema.types = compileTypes(value, at);
  else if (keyword == "enum") schema.allowed = value.isArray ? value : reject<Json>(at, "array", value);
  else if (keyword == "const") schema.constant = value;
  else if (keyword == "items") schema.items = compileSchema(value, at);
  else if (keyword == "minItems") schema.minItems = count(value, at);
  else if (keyword == "maxItems") schema.maxItems = count(value, at);
  else if (keyword == "minLength") schema.minLength = count(value, at);
  else if (keyword == "maxLength") schema.maxLength = count(value, at);
  else return false;
  return true;
}

function compileNumeric(schema: Schema, keyword: string, value: Json, at: string): bool {
  if (keyword == "minimum") schema.minimum = number(value, at);
  else if (keyword == "maximum") schema.maximum = number(value, at);
  else if (keyword == "exclusiveMinimum") schema.exclusiveMinimum = number(value, at);
  else if (keyword == "exclusiveMaximum") schema.exclusiveMaximum = number(value, at);
  else if (keyword == "multipleOf") schema.multipleOf = number(value, at) > 0 ? value : reject<Json>(at, "number above 0", value);
  else return false;
  return true;
}

function compileObject(schema: Schema, keyword: string, value: Json, at: string): bool {
  if (keyword == "required") {
    if (!value.isArray) reject(at, "array of strings", value);
    for (let name = value.firstChild; name != value.afterLast; name = name.next) {
      schema.required.push(new JsonKey(name.isString ? name.asString() : reject<string>(at, "array of strings", name)));
    }
  } else if (keyword == "properties") {
    if (!value.isObject) reject(at, "object", value);
    for (let name = value.firstChild; name != value.afterLast; name = name.next.next) {
      schema.propertyKeys.push(new JsonKey(name.asString()));
      schema.propertySchemas.push(compileSchema(name.next, at + "." + name.asString()));
    }
  } else if (keyword == "additionalProperties") schema.additional = compileSchema(value, at);
  else return false;
  return true;
}

function compileCombined(schema: Schema, keyword: string, value: Json, at: string): bool {
  if (keyword == "allOf") schema.allOf = compileList(value, at);
  else if (keyword == "anyOf") schema.anyOf = compileList(value, at);
  else if (keyword == "oneOf") schema.oneOf = compileList(value, at);
  else if (keyword == "not") schema.not = compileSchema(value, at);
  else return false;
  return true;
}

function compileList(value: Json, at: string): Schema[] {
  const schemas: Schema[] = [];
  for (let item = value.firstChild; item != value.afterLast; item = item.next) {
    schemas.push(compileSchema(item, at + "[" + schemas.length.toString() + "]"));
  }
  return value.isArray && schemas.length > 0 ? schemas : reject<Schema[]>(at, "array of schemas", value);
}

function compileTypes(value: Json, at: string): u32 {
  if (!value.isArray) return compileType(value, at);
  let types: u32 = 0;
  for (let name = value.firstChild; name != value.afterLast; name = name.next) types |= compileType(name, at);
  return types != 0 ? types : reject<u32>(at, "at least one type", value);
}

function compileType(name: Json, at: string): u32 {
  const bit = typeBit(name.asString());
  return bit != 0 ? bit : reject<u32>(at, "the name of a type", name);
}

function count(value: Json, at: string): f64 {
  return value.isInteger && value.asNumber() >= 0 ? value.asNumber() : reject<f64>(at, "whole number from 0", value);
}

function number(value: Json, at: string): f64 {
  return value.isNumber ? value.asNumber() : reject<f64>(at, "number", value);
}

function reject<T = void>(at: string, expected: string, got: Json): T {
  return fail<T>("schema_invalid", at + ": expected " + expected + ", got " + got.typeName);
}
