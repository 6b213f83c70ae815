import { fail, HttpRequest, Json } from "tasker-wasm-broker/assemblyscript";
import {
  optionalInteger,
  optionalString,
  refuseUnknownMembers,
  requireObject,
  requireString,
} from "tasker-wasm-broker/assemblyscript/rules/config";
import { appendQuery } from "./query";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** The request that a configuration describes. */
export function buildRequest(config: Json): HttpRequest {
  const method = optionalString(config.get("method"), "GET", "config.method");
  if (!METHODS.includes(method)) fail("config_invalid", "config.method: expected one of " + METHODS.join(", ") + ", got " + method);
  const url = appendQuery(requireString(config.get("url"), "config.url"), config.get("query"));
  const request = new HttpRequest(method, url);
  request.timeoutMs = optionalInteger(config.get("timeout_ms"), 0, 1, "config.timeout_ms");
  addHeaders(request, config.get("headers"));
  addAuthorization(request, config.get("auth"));
  addBody(request, config.get("body"));
  return request;
}

function addHeaders(request: HttpRequest, headers: Json): void {
  if (headers.isMissing) return;
  requireObject(headers, "config.headers");
  for (let name = headers.firstChild; name != headers.afterLast; name = name.next.next) {
    request.header(name.asString(), requireString(name.next, "config.headers"));
  }
}

/** Credentials are usually `${secrets.NAME}`; the host puts the value in when it sends. */
function addAuthorization(request: HttpRequest, auth: Json): void {
  if (auth.isMissing) return;
  const type = requireString(requireObject(auth, "config.auth").get("type"), "config.auth.type");
  if (type == "bearer") {
    refuseUnknownMembers(auth, ["type", "token"], "config.auth");
    request.header("authorization", "Bearer " + requireString(auth.get("token"), "config.auth.token"));
  } else if (type == "basic") {
    refuseUnknownMembers(auth, ["type", "credential"], "config.auth");
    request.header("authorization", "Basic " + requireString(auth.get("credential"), "config.auth.credential"));
  } else if (type == "header") {
    refuseUnknownMembers(auth, ["type", "name", "value"], "config.auth");
    request.header(
      requireString(auth.get("name"), "config.auth.name"),
      requireString(auth.get("value"), "config.auth.value"),
    );
  } else fail("config_invalid", "config.auth.type: expected bearer, basic or header, got " + type);
}

/** A string is sent as text, any other value as JSON; a configured content type wins. */
function addBody(request: HttpRequest, body: Json): void {
  if (body.isMissing) return;
  if (!request.hasHeader("content-type")) {
    request.header("content-type", body.isString ? "text/plain; charset=utf-8" : "application/json");
  }
  request.text(body.isString ? body.asString() : body.toText());
}
