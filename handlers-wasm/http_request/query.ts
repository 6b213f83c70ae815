import { Json } from "tasker-wasm-broker/assemblyscript";
import { rejectConfig, requireObject } from "tasker-wasm-broker/assemblyscript/rules/config";

const SECRET_START = "${secrets.";

/** The URL with the members of `query` added as parameters; an array repeats its parameter. */
export function appendQuery(url: string, query: Json): string {
  if (query.isMissing) return url;
  requireObject(query, "config.query");
  const fragmentStart = url.indexOf("#");
  const base = fragmentStart < 0 ? url : url.substring(0, fragmentStart);
  const parts: string[] = [];
  for (let name = query.firstChild; name != query.afterLast; name = name.next.next) {
    const value = name.next;
    if (!value.isArray) parts.push(parameter(name, value));
    else for (let item = value.firstChild; item != value.afterLast; item = item.next) parts.push(parameter(name, item));
  }
  if (parts.length == 0) return url;
  const separator = !base.includes("?") ? "?" : base.endsWith("?") || base.endsWith("&") ? "" : "&";
  return base + separator + parts.join("&") + (fragmentStart < 0 ? "" : url.substring(fragmentStart));
}

function parameter(name: Json, value: Json): string {
  if (!value.isString && !value.isNumber && !value.isBool) {
    return rejectConfig<string>("config.query." + name.asString(), "string, number, boolean or an array of those", value);
  }
  const text = value.isString ? value.asString() : value.toText();
  return encodeURIComponent(name.asString()) + "=" + encodeKeepingSecrets(text);
}

/** Percent-encodes all but references to secrets, which only the host can resolve. */
function encodeKeepingSecrets(text: string): string {
  const start = text.indexOf(SECRET_START);
  const end = start < 0 ? -1 : text.indexOf("}", start);
  if (end < 0) return encodeURIComponent(text);
  const reference = text.substring(start, end + 1);
  return encodeURIComponent(text.substring(0, start)) + reference + encodeKeepingSecrets(text.substring(end + 1));
}
