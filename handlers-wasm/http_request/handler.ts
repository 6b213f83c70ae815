import { Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";
import { refuseUnknownMembers } from "tasker-wasm-broker/assemblyscript/rules/config";
import { failStatus, isExpected } from "tasker-wasm-broker/assemblyscript/rules/http";
import { buildRequest } from "./request";
import { writeResponse } from "./response";

const MEMBERS = [
  "url", "method", "query", "headers", "auth", "body", "expected_statuses", "retry_statuses", "response", "timeout_ms",
];

/** Sends one HTTP request and hands on its response. The input is not used: all of it comes from the configuration. */
@handler("http_request")
function httpRequest(_input: Json, config: Json): JsonWriter {
  refuseUnknownMembers(config, MEMBERS, "config");
  const response = buildRequest(config).send();
  if (!isExpected(response.status, config.get("expected_statuses"))) {
    return failStatus<JsonWriter>(response, config.get("retry_statuses"));
  }
  return writeResponse(response, config.get("response"));
}
