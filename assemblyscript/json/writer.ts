import { ByteBuffer } from "../bytes";
import { fail } from "../failure";
import { Json } from "./json";
import { writeEscaped } from "./escape";

/**
 * Writes one JSON document as UTF-8. Commas are set automatically; the caller closes what it opens and writes a key
 * before each member's value. Methods return the writer, so that calls chain.
 */
export class JsonWriter extends ByteBuffer {
  private commaDue: bool = false;

  beginObject(): this {
    this.separate();
    this.appendByte(0x7b);
    this.commaDue = false;
    return this;
  }

  endObject(): this {
    this.appendByte(0x7d);
    this.commaDue = true;
    return this;
  }

  beginArray(): this {
    this.separate();
    this.appendByte(0x5b);
    this.commaDue = false;
    return this;
  }

  endArray(): this {
    this.appendByte(0x5d);
    this.commaDue = true;
    return this;
  }

  key(name: string): this {
    this.separate();
    writeEscaped(this, name);
    this.appendByte(0x3a);
    this.commaDue = false;
    return this;
  }

  /** A key that is already encoded: quoted, escaped and followed by a colon. */
  @inline
  keyBytes(start: usize, length: i32): this {
    this.separate();
    this.append(start, length);
    this.commaDue = false;
    return this;
  }

  string(value: string): this {
    this.separate();
    writeEscaped(this, value);
    this.commaDue = true;
    return this;
  }

  /** A double; the text reads back as the same double. JSON has no NaN and no Infinity: those fail the step. */
  number(value: f64): this {
    if (!isFinite(value)) fail("number_not_finite", "cannot write " + value.toString() + " as JSON");
    if (value == Math.trunc(value) && Math.abs(value) < 1e15) return this.integer(<i64>value);
    return this.literal(value.toString());
  }

  integer(value: i64): this {
    return this.literal(value.toString());
  }

  bool(value: bool): this {
    return this.literal(value ? "true" : "false");
  }

  null(): this {
    return this.literal("null");
  }

  /** A parsed value, byte for byte as it was written: numbers keep their digits. A missing value becomes null. */
  json(value: Json): this {
    if (value.isMissing) return this.null();
    this.separate();
    const quote: u32 = value.isString ? 1 : 0;
    this.append(value.start - quote, value.byteLength + 2 * quote);
    this.commaDue = true;
    return this;
  }

  /** A value that another writer has written. */
  raw(value: JsonWriter): this {
    this.separate();
    this.append(value.start, value.length);
    this.commaDue = true;
    return this;
  }

  /** The document so far as a string. */
  toText(): string {
    return String.UTF8.decodeUnsafe(this.start, this.length);
  }

  private literal(text: string): this {
    this.separate();
    this.appendText(text);
    this.commaDue = true;
    return this;
  }

  @inline
  private separate(): void {
    if (this.commaDue) this.appendByte(0x2c);
  }
}
