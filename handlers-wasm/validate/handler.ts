import { fail, Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";
import {
  optionalBool,
  optionalInteger,
  optionalString,
  refuseUnknownMembers,
  rejectConfig,
} from "tasker-wasm-broker/assemblyscript/rules/config";
import { startPlace } from "tasker-wasm-broker/assemblyscript/place";
import { check } from "./check";
import { compileSchema } from "./compile";
import { validateRecords } from "./records";
import { clearErrors, errors, limitErrors, writeErrors } from "./report";

const DEFAULT_MAX_ERRORS = 10;

/** Checks the input against a JSON Schema: as one value, or with `each` every record of an array. */
@handler("validate")
function validate(input: Json, config: Json): JsonWriter {
  refuseUnknownMembers(config, ["schema", "each", "on_invalid", "max_errors"], "config");
  const each = optionalBool(config.get("each"), false, "config.each");
  const onInvalid = optionalString(config.get("on_invalid"), "fail", "config.on_invalid");
  if (!["fail", "flag", "filter"].includes(onInvalid)) {
    fail("config_invalid", "config.on_invalid: expected fail, flag or filter, got " + onInvalid);
  }
  limitErrors(optionalInteger(config.get("max_errors"), DEFAULT_MAX_ERRORS, 1, "config.max_errors"));
  const schema = compileSchema(config.get("schema"), "config.schema");
  if (each) return validateRecords(schema, input, onInvalid);
  if (onInvalid == "filter") return rejectConfig<JsonWriter>("config.each", "true, because filter drops records", config.get("each"));

  clearErrors();
  startPlace("$");
  const valid = check(schema, input);
  if (!valid && onInvalid == "fail") fail("validation_failed", "input is not valid: " + errors[0].toText());
  const output = new JsonWriter(input.byteLength + 1024);
  output.beginObject().key("valid").bool(valid).key("errors");
  writeErrors(output);
  return output.key("data").json(input).endObject();
}
