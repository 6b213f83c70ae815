import { fail, HttpRequest, Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";
import {
  optionalInteger,
  optionalString,
  refuseUnknownMembers,
  rejectConfig,
  requireObject,
  requireString,
} from "tasker-wasm-broker/assemblyscript/rules/config";
import { failStatus, isExpected } from "tasker-wasm-broker/assemblyscript/rules/http";

const MEMBERS = ["channel", "url", "method", "headers", "body", "message", "expected_statuses", "retry_statuses", "timeout_ms"];

/** Sends one message to a webhook. The input is not used: the message comes from the configuration. */
@handler("notify")
function notify(_input: Json, config: Json): JsonWriter {
  refuseUnknownMembers(config, MEMBERS, "config");
  const channel = optionalString(config.get("channel"), "webhook", "config.channel");
  if (channel != "webhook") fail("config_invalid", "config.channel: expected webhook, got " + channel);
  const response = buildRequest(config).send();
  if (!isExpected(response.status, config.get("expected_statuses"))) {
    return failStatus<JsonWriter>(response, config.get("retry_statuses"));
  }
  const output = new JsonWriter();
  output.beginObject().key("delivered").bool(true);
  return output.key("status").integer(response.status).key("channel").string(channel).endObject();
}

function buildRequest(config: Json): HttpRequest {
  const method = optionalString(config.get("method"), "POST", "config.method");
  if (method != "POST" && method != "PUT") fail("config_invalid", "config.method: expected POST or PUT, got " + method);
  const request = new HttpRequest(method, requireString(config.get("url"), "config.url"));
  request.timeoutMs = optionalInteger(config.get("timeout_ms"), 0, 1, "config.timeout_ms");
  request.header("content-type", "application/json");
  const headers = config.get("headers");
  if (headers.isPresent) requireObject(headers, "config.headers");
  for (let name = headers.firstChild; name != headers.afterLast; name = name.next.next) {
    request.header(name.asString(), requireString(name.next, "config.headers"));
  }
  return request.text(bodyText(config));
}

/** The configured body, or an object with the message. */
function bodyText(config: Json): string {
  const body = config.get("body");
  if (body.isPresent) return body.toText();
  const message = config.get("message");
  if (!message.isString) return rejectConfig<string>("config.message", "string, or a body", message);
  const writer = new JsonWriter();
  return writer.beginObject().key("message").json(message).endObject().toText();
}
