import * as abi from "./abi";
import { ByteBuffer } from "./bytes";
import { Json } from "./json/json";
import { parseJson } from "./json/parser";
import { takeResult } from "./result";

/** Where a regular expression matched. Group 0 is the whole match. */
@final
export class RegexMatch {
  constructor(private groups: Json, private names: Json, private text: usize) {}

  get groupCount(): i32 {
    return this.groups.length - 1;
  }

  /** The text of a group, or null if it took no part. */
  group(index: i32): string | null {
    const span = this.groups.at(index);
    if (!span.isArray) return null;
    const start = <i32>span.at(0).asNumber();
    return String.UTF8.decodeUnsafe(this.text + start, <i32>span.at(1).asNumber() - start);
  }

  /** The text of a named group, or null. */
  named(name: string): string | null {
    const index = this.names.get(name);
    return index.isNumber ? this.group(<i32>index.asNumber()) : null;
  }
}

/**
 * The first match of an RE2 pattern in `text`, or null. Takes time linear in the text whatever the pattern, and is paid in
 * fuel for pattern times text. A pattern that is none ends the step.
 */
export function regexMatch(pattern: string, text: string): RegexMatch | null {
  const patternBytes = String.UTF8.byteLength(pattern);
  const frame = new ByteBuffer(4 + patternBytes + String.UTF8.byteLength(text));
  store<u32>(frame.extend(4), patternBytes);
  frame.appendText(pattern);
  frame.appendText(text);
  const result = takeResult(abi.regex_match(frame.start, frame.length));
  const found = parseJson(result.start, result.length);
  if (!found.isObject) return null;
  return new RegexMatch(found.get("groups"), found.get("names"), frame.start + 4 + patternBytes);
}
