import { fail, HttpResponse, Json, JsonWriter, parseError, parseErrorOffset, Path } from "tasker-wasm-broker/assemblyscript";
import { optionalString, refuseUnknownMembers, requireObject } from "tasker-wasm-broker/assemblyscript/rules/config";

/** Headers that are handed on: those that later steps can use; cookies and the like stay out of results. */
const KEPT_HEADERS = ["content-type", "content-language", "etag", "last-modified", "location", "link", "date", "retry-after"];

/** `{status, headers, body}`; `options` is the `response` part of the configuration. */
export function writeResponse(response: HttpResponse, options: Json): JsonWriter {
  if (options.isPresent) {
    refuseUnknownMembers(requireObject(options, "config.response"), ["format", "extract"], "config.response");
  }
  const output = new JsonWriter(response.bodyLength + 1024);
  output.beginObject().key("status").integer(response.status);
  writeHeaders(response, output);
  output.key("body");
  if (isJson(response, options)) output.json(readJson(response, options.get("extract")));
  else writeText(response, options.get("extract"), output);
  return output.endObject();
}

function writeHeaders(response: HttpResponse, output: JsonWriter): void {
  output.key("headers").beginObject();
  for (let i = 0; i < KEPT_HEADERS.length; i++) {
    const value = response.headers.get(KEPT_HEADERS[i]);
    if (value.isPresent) output.key(KEPT_HEADERS[i]).json(value);
  }
  output.endObject();
}

/** Decides by the configured format; `auto` goes by the content type. An empty body is null in either format. */
function isJson(response: HttpResponse, options: Json): bool {
  const format = optionalString(options.get("format"), "auto", "config.response.format");
  if (format == "json") return true;
  if (format == "text") return false;
  if (format != "auto") fail("config_invalid", "config.response.format: expected auto, json or text, got " + format);
  const type = response.header("content-type").split(";")[0].trim().toLowerCase();
  return type == "application/json" || type == "text/json" || type.endsWith("+json");
}

function readJson(response: HttpResponse, extract: Json): Json {
  const body = response.json();
  if (body.isMissing && response.bodyLength > 0) {
    return fail<Json>("response_not_json", "expected a JSON body, got " + parseError + " at byte " + parseErrorOffset.toString());
  }
  if (extract.isMissing) return body;
  const path = Path.parse(optionalString(extract, "$", "config.response.extract"));
  const found = path.find(body);
  if (found.isMissing) return fail<Json>("response_extract_missing", "expected " + path.text + " in the body, got nothing");
  return found;
}

function writeText(response: HttpResponse, extract: Json, output: JsonWriter): void {
  if (extract.isPresent) fail("response_not_json", "expected a JSON body to extract from, got text");
  if (!response.isText) fail("response_not_text", "expected a body in UTF-8, got other bytes");
  if (response.bodyLength == 0) output.null();
  else output.string(response.text());
}
