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

/**
 * Percent-encodes all but references to secrets, which only the host can resolve. Anything that merely begins like one
 * is encoded like other text, so that data cannot add parameters of its own.
 */
function encodeKeepingSecrets(text: string): string {
  let encoded = "";
  let from = 0;
  while (true) {
    const start = text.indexOf(SECRET_START, from);
    if (start < 0) break;
    const end = referenceEnd(text, start + SECRET_START.length);
    const kept = end < 0 ? start : end;
    encoded += encodeURIComponent(text.substring(from, start)) + text.substring(start, kept);
    from = kept;
    if (end < 0) {
      encoded += encodeURIComponent(SECRET_START);
      from += SECRET_START.length;
    }
  }
  return encoded + encodeURIComponent(text.substring(from));
}

/** Where a reference ends whose name starts here: `NAME}`, or `NAME:MARK}` as the host writes it. -1 if it is none. */
function referenceEnd(text: string, start: i32): i32 {
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit == 0x7d) return at > start ? at + 1 : -1;
    const isNamePart = unit == 0x5f || unit == 0x3a || <u32>(unit - 0x30) <= 9 || <u32>((unit | 0x20) - 0x61) < 26;
    if (!isNamePart) return -1;
  }
  return -1;
}
