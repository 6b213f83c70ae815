const encoder = new TextEncoder();

/** A growable byte buffer. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** Two bytes: an opcode and a one-byte immediate, mostly. */
  pair(first: number, second: number): void {
    if (this.#length + 2 > this.#bytes.length) this.#grow(2);
    this.#bytes[this.#length++] = first;
    this.#bytes[this.#length++] = second;
  }

  /** An unsigned LEB128 of a whole number below 2³². */
  u32(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** A signed LEB128 of a whole number from 0 to 2⁵³. */
  signed(value: number): void {
    let rest = value;
    while (rest >= 0x40) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** `source[start, end)` as it is. */
  copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    // A call into the engine's memmove costs more than a few bytes in a loop.
    if (count > 24) {
      this.#bytes.set(source.subarray(start, end), this.#length);
      this.#length += count;
      return;
    }
    for (let index = start; index < end; index++) this.#bytes[this.#length++] = source[index] as number;
  }

  append(other: Writer): void {
    this.copy(other.#bytes, 0, other.#length);
  }

  /** A length-prefixed UTF-8 name. */
  name(text: string): void {
    const bytes = encoder.encode(text);
    this.u32(bytes.length);
    this.copy(bytes, 0, bytes.length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }

  #grow(count: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
