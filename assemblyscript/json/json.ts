import { bytesEqual } from "../bytes";
import { JsonKind, kindName } from "./kind";
import { parseDouble } from "./number-parse";
import { isPlainInteger } from "./integer";
import { codePointCount, decodeText, textEquals } from "./text";

/**
 * A read-only cursor on a JSON value. It is the address of a 16-byte node of the parser's tape, so passing it around
 * allocates nothing. Looking for something that is not there yields a `Missing` cursor, on which every accessor is
 * safe: `input.get("a").get("b").asString()` needs no check in between.
 *
 * Node layout: an array is followed by its items, an object by key, value, key, value…; `span` is the number of nodes
 * of the whole subtree. `start` and `end` delimit the text in the source: without the quotes for a string.
 */
@unmanaged
@final
export class Json {
  /** A `JsonKind`, as it lies on the tape. */
  tag: u16;
  /** 1 when the text of a string contains escapes. */
  escaped: u16;
  start: u32;
  end: u32;
  span: u32;

  @inline get kind(): JsonKind { return <JsonKind>this.tag; }
  @inline get isMissing(): bool { return this.kind == JsonKind.Missing; }
  @inline get isPresent(): bool { return this.kind != JsonKind.Missing; }
  @inline get isNull(): bool { return this.kind == JsonKind.Null; }
  @inline get isBool(): bool { return this.kind == JsonKind.True || this.kind == JsonKind.False; }
  @inline get isNumber(): bool { return this.kind == JsonKind.Number; }
  @inline get isString(): bool { return this.kind == JsonKind.String; }
  @inline get isArray(): bool { return this.kind == JsonKind.Array; }
  @inline get isObject(): bool { return this.kind == JsonKind.Object; }

  /** Length of the text in bytes. */
  @inline get byteLength(): i32 { return this.end - this.start; }

  /** The node behind this subtree: the next sibling, or the parent's `afterLast`. */
  @inline get next(): Json { return nodeAt(this, this.span); }

  /** First item of an array or first key of an object; equals `afterLast` when there is none. */
  @inline get firstChild(): Json { return nodeAt(this, 1); }

  /** Ends an iteration: `for (let i = list.firstChild; i != list.afterLast; i = i.next)`. */
  @inline get afterLast(): Json { return this.kind < JsonKind.Array ? nodeAt(this, 1) : nodeAt(this, this.span); }

  /** Number of items of an array or members of an object, otherwise 0. Counts by walking. */
  get length(): i32 {
    let count = 0;
    for (let child = this.firstChild; child != this.afterLast; child = child.next) count++;
    return this.isObject ? count >> 1 : count;
  }

  /** The member with this key; the last one when the key is repeated, like JavaScript's `JSON.parse`. */
  get(key: string): Json {
    let found = MISSING;
    if (!this.isObject) return found;
    for (let name = this.firstChild; name != this.afterLast; name = name.next.next) {
      if (name.equalsText(key)) found = name.next;
    }
    return found;
  }

  /** Like `get`, for a key without escapes that is already UTF-8. */
  getBytes(key: usize, length: i32): Json {
    let found = MISSING;
    if (!this.isObject) return found;
    const end = this.afterLast;
    let name = this.firstChild;
    while (name != end) {
      const value = nodeAt(name, 1);
      if (name.equalsBytes(key, length)) found = value;
      name = value.next;
    }
    return found;
  }

  /** The item at an index. Walks: iterate with `firstChild` and `next` to visit all. */
  at(index: i32): Json {
    if (!this.isArray || index < 0) return MISSING;
    let item = this.firstChild;
    for (; item != this.afterLast; item = item.next) {
      if (index-- == 0) return item;
    }
    return MISSING;
  }

  /** The string, or `fallback` when this is not a string. */
  asString(fallback: string = ""): string {
    return this.isString ? decodeText(this.start, this.end, this.escaped != 0) : fallback;
  }

  /** The number as the nearest double, or `fallback` when this is not a number. */
  asNumber(fallback: f64 = NaN): f64 {
    return this.isNumber ? parseDouble(this.start, this.end) : fallback;
  }

  /** The boolean, or `fallback` when this is not a boolean. */
  asBool(fallback: bool = false): bool {
    return this.isBool ? this.kind == JsonKind.True : fallback;
  }

  /** True for a number without fraction, however it is written: `1`, `1.0` and `1e2` are integers. */
  get isInteger(): bool {
    if (!this.isNumber) return false;
    if (isPlainInteger(this.start, this.end)) return true;
    const value = parseDouble(this.start, this.end);
    return isFinite(value) && value == Math.trunc(value);
  }

  /** Length of a string in Unicode code points, as JSON Schema counts. */
  get codePoints(): i32 {
    return codePointCount(this.start, this.end, this.escaped != 0);
  }

  /** True for a string with exactly this text. */
  equalsText(text: string): bool {
    return this.isString && textEquals(this.start, this.end, this.escaped != 0, text);
  }

  /** True for a string with exactly these UTF-8 bytes. */
  @inline
  equalsBytes(bytes: usize, length: i32): bool {
    if (this.escaped) return this.equalsEscaped(bytes, length);
    return this.byteLength == length && bytesEqual(this.start, bytes, length);
  }

  private equalsEscaped(bytes: usize, length: i32): bool {
    return this.asString() == String.UTF8.decodeUnsafe(bytes, length);
  }

  /** The value as JSON text, exactly as it was written in its document. */
  toText(): string {
    if (this.isMissing) return "null";
    const quote: u32 = this.isString ? 1 : 0;
    return String.UTF8.decodeUnsafe(this.start - quote, this.byteLength + 2 * quote);
  }

  /** `null`, `string`, `number`, … or `nothing` for a missing value. */
  get typeName(): string { return kindName(this.kind); }

  /** The items of an array. */
  items(): Json[] {
    const items: Json[] = [];
    if (this.isArray) for (let item = this.firstChild; item != this.afterLast; item = item.next) items.push(item);
    return items;
  }

  /** The keys of an object in the order of the document. */
  keys(): string[] {
    const keys: string[] = [];
    if (this.isObject) for (let key = this.firstChild; key != this.afterLast; key = key.next.next) keys.push(key.asString());
    return keys;
  }
}

/** The node `count` nodes behind another one. */
@inline
export function nodeAt(node: Json, count: u32): Json {
  return changetype<Json>(changetype<usize>(node) + <usize>count * offsetof<Json>());
}

/** What a lookup yields that finds nothing: a node of zeros. */
export const MISSING: Json = changetype<Json>(memory.data(16, 16));
