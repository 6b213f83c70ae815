import { fail, Json, JsonKey, MISSING, Path } from "tasker-wasm-broker/assemblyscript";
import {
  refuseUnknownMembers,
  rejectConfig,
  requireArray,
  requireObject,
  requireString,
} from "tasker-wasm-broker/assemblyscript/rules/config";
import { Conversion } from "./conversion";
import {
  ConcatExpression,
  ConstantExpression,
  EachExpression,
  Expression,
  ObjectExpression,
  OnMissing,
  PathExpression,
} from "./expression";

/** Code of the failure when a mapping uses something that does not exist. */
const UNSUPPORTED = "mapping_unsupported";

export function readOnMissing(value: Json): OnMissing {
  if (value.isMissing || value.equalsText("null")) return OnMissing.Null;
  if (value.equalsText("omit")) return OnMissing.Omit;
  if (value.equalsText("fail")) return OnMissing.Fail;
  return rejectConfig<OnMissing>("config.on_missing", "null, omit or fail as a string", value);
}

/** Compiles `{destination: expression, …}`. `at` names it in messages. */
export function compileMapping(mapping: Json, at: string, onMissing: OnMissing): ObjectExpression {
  requireObject(mapping, at, UNSUPPORTED);
  const keys: JsonKey[] = [];
  const values: Expression[] = [];
  for (let name = mapping.firstChild; name != mapping.afterLast; name = name.next.next) {
    const key = name.asString();
    keys.push(new JsonKey(key));
    values.push(compileExpression(name.next, at + "." + key, onMissing));
  }
  return new ObjectExpression(keys, values);
}

function compileExpression(config: Json, at: string, onMissing: OnMissing): Expression {
  if (config.isString) return pathExpression(config, MISSING, Conversion.None, onMissing, at);
  if (!config.isObject) return rejectConfig<Expression>(at, "path or object", config, UNSUPPORTED);
  if (config.get("each").isPresent) return compileEach(config, at, onMissing);
  if (config.get("path").isPresent) {
    refuseUnknownMembers(config, ["path", "default", "to"], at, UNSUPPORTED);
    return pathExpression(config.get("path"), config.get("default"), readConversion(config.get("to"), at), onMissing, at);
  }
  if (config.get("value").isPresent) {
    refuseUnknownMembers(config, ["value"], at, UNSUPPORTED);
    return new ConstantExpression(config.get("value"));
  }
  if (config.get("object").isPresent) {
    refuseUnknownMembers(config, ["object"], at, UNSUPPORTED);
    return compileMapping(config.get("object"), at + ".object", onMissing);
  }
  if (config.get("concat").isPresent) return compileConcat(config, at, onMissing);
  const first = config.firstChild != config.afterLast ? config.firstChild.asString() : "nothing";
  return fail<Expression>(UNSUPPORTED, at + ": expected path, value, object, each or concat, got " + first);
}

function pathExpression(path: Json, fallback: Json, conversion: Conversion, onMissing: OnMissing, at: string): Expression {
  return new PathExpression(Path.parse(requireString(path, at, UNSUPPORTED)), fallback, conversion, onMissing, at);
}

function compileEach(config: Json, at: string, onMissing: OnMissing): Expression {
  refuseUnknownMembers(config, ["each", "mapping"], at, UNSUPPORTED);
  const path = Path.parse(requireString(config.get("each"), at + ".each", UNSUPPORTED));
  return new EachExpression(path, compileMapping(config.get("mapping"), at + ".mapping", onMissing), at);
}

function compileConcat(config: Json, at: string, onMissing: OnMissing): Expression {
  refuseUnknownMembers(config, ["concat"], at, UNSUPPORTED);
  const list = requireArray(config.get("concat"), at + ".concat", UNSUPPORTED);
  const parts: Expression[] = [];
  for (let part = list.firstChild; part != list.afterLast; part = part.next) {
    parts.push(compileExpression(part, at + ".concat[" + parts.length.toString() + "]", onMissing));
  }
  return new ConcatExpression(parts);
}

function readConversion(to: Json, at: string): Conversion {
  if (to.isMissing) return Conversion.None;
  if (to.equalsText("string")) return Conversion.String;
  if (to.equalsText("number")) return Conversion.Number;
  if (to.equalsText("integer")) return Conversion.Integer;
  if (to.equalsText("boolean")) return Conversion.Boolean;
  return fail<Conversion>(UNSUPPORTED, at + ".to: expected string, number, integer or boolean, got " + to.toText());
}
