import { fail } from "./failure";
import { Json } from "./json/json";
import { JsonKey } from "./json/key";
import { parseJsonText } from "./json/parser";
import { isNameCharacter, isNameStart } from "./path-names";

/** Largest number of digits of an index, so that it fits an i32. */
const MAX_INDEX_DIGITS = 9;

/**
 * A place in a JSON value, in the part of RFC 9535 (JSONPath) that selects at most one value: `$`, `$.a.b`, `$.a[0]`,
 * `$["US Gross"]`, `$['US Gross']`. Compiled once, applied many times.
 */
@final
export class Path {
  private steps: PathStep[] = [];

  private constructor(
    /** The path as it was written. */
    readonly text: string,
  ) {}

  /** Compiles a path; anything else fails the step with `path_invalid`. */
  static parse(text: string): Path {
    const path = new Path(text);
    if (text.length == 0 || text.charCodeAt(0) != 0x24) return path.reject(0, "'$'");
    let at = 1;
    while (at < text.length) {
      const character = text.charCodeAt(at);
      if (character == 0x2e) at = path.readName(at + 1);
      else if (character == 0x5b) at = path.readBracket(at + 1);
      else return path.reject(at, "'.' or '['");
    }
    return path;
  }

  /** The value at this place; `MISSING` when there is none. */
  find(root: Json): Json {
    let value = root;
    const steps = this.steps;
    for (let i = 0, length = steps.length; i < length; i++) {
      value = unchecked(steps[i]).of(value);
      if (value.isMissing) break;
    }
    return value;
  }

  private readName(start: i32): i32 {
    const text = this.text;
    let at = start;
    while (at < text.length && (at == start ? isNameStart(text.charCodeAt(at)) : isNameCharacter(text.charCodeAt(at)))) at++;
    if (at == start) this.reject(at, "a name; write others as [\"US Gross\"]");
    this.steps.push(new PathStep(new JsonKey(text.substring(start, at)), -1));
    return at;
  }

  private readBracket(start: i32): i32 {
    const quote = start < this.text.length ? this.text.charCodeAt(start) : 0;
    const at = quote == 0x22 || quote == 0x27 ? this.readQuoted(start, quote) : this.readIndex(start);
    if (at >= this.text.length || this.text.charCodeAt(at) != 0x5d) this.reject(at, "']'");
    return at + 1;
  }

  private readIndex(start: i32): i32 {
    const text = this.text;
    let at = start;
    while (at < text.length && <u32>(text.charCodeAt(at) - 0x30) <= 9) at++;
    const leadingZero = at - start > 1 && text.charCodeAt(start) == 0x30;
    if (at == start || leadingZero || at - start > MAX_INDEX_DIGITS) this.reject(start, "an index or a quoted name");
    this.steps.push(new PathStep(null, I32.parseInt(text.substring(start, at))));
    return at;
  }

  private readQuoted(start: i32, quote: i32): i32 {
    const text = this.text;
    let at = start + 1;
    // Rewritten as a JSON string, so that escapes mean the same: only the quotes differ.
    let literal = '"';
    while (at < text.length && text.charCodeAt(at) != quote) {
      const escaped = text.charCodeAt(at) == 0x5c && at + 1 < text.length;
      const unit = text.charAt(escaped ? at + 1 : at);
      if (unit == "'") literal += escaped && quote != 0x27 ? "\\'" : "'";
      else if (unit == '"') literal += '\\"';
      else literal += escaped ? "\\" + unit : unit;
      at += escaped ? 2 : 1;
    }
    const name = parseJsonText(literal + '"');
    if (at >= text.length || !name.isString) this.reject(at, "a quoted name");
    this.steps.push(new PathStep(new JsonKey(name.asString()), -1));
    return at + 1;
  }

  private reject(at: i32, expected: string): Path {
    return fail<Path>("path_invalid", "path " + this.text + ": expected " + expected + " at character " + at.toString());
  }
}

/** A name or, where there is none, an index. */
@final
class PathStep {
  constructor(private key: JsonKey | null, private index: i32) {}

  @inline
  of(value: Json): Json {
    const key = this.key;
    return key === null ? value.at(this.index) : key.of(value);
  }
}
