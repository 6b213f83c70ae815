import { MeteringError } from './errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A cursor over untrusted bytes that never leaves `[position, end)`. */
export class Reader {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  /** A type that was read here is `exnref`. */
  hasReadExnref = false;

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** Moves the cursor to another range of the same bytes. */
  seek(position: number, end: number): void {
    this.position = position;
    this.end = end;
  }

  /** One byte. */
  byte(): number {
    if (this.position >= this.end) throw this.#truncated();
    return this.bytes[this.position++] as number;
  }

  /** The next byte, without moving. */
  peek(): number {
    if (this.position >= this.end) throw this.#truncated();
    return this.bytes[this.position] as number;
  }

  skip(count: number): void {
    if (count > this.end - this.position) throw this.#truncated();
    this.position += count;
  }

  /** An unsigned 32-bit LEB128. */
  u32(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; ; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f)
        throw this.malformed('malformed-leb', 'a 32-bit number of more than 5 bytes');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** An unsigned 64-bit LEB128, rounded to a double. */
  u64(): number {
    let value = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.byte();
      if (index === 9 && byte > 1) break;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw this.malformed('malformed-leb', 'a 64-bit number of more than 10 bytes');
  }

  /** A signed 33-bit LEB128, as in a block type: exact in a double. */
  s33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte >= 0x80) continue;
      const negative = (byte & 0x40) !== 0;
      if (shift === 28 && (byte & 0x70) !== (negative ? 0x70 : 0)) break;
      return negative ? value - 2 ** (shift + 7) : value;
    }
    throw this.malformed('malformed-leb', 'a 33-bit number of more than 5 bytes');
  }

  /** Passes over a LEB128 of at most `maxBytes` bytes. Its value is copied as it is and judged by the engine. */
  skipLeb(maxBytes: number): void {
    for (let count = 0; count < maxBytes; count++) if (this.byte() < 0x80) return;
    throw this.malformed('malformed-leb', `a number of more than ${maxBytes} bytes`);
  }

  /** The length of a vector whose items take at least `itemBytes` each: never more than the bytes that are left. */
  count(itemBytes: number): number {
    const count = this.u32();
    if (count * itemBytes > this.end - this.position) throw this.#truncated();
    return count;
  }

  /** A length-prefixed UTF-8 name. */
  name(): string {
    const length = this.count(1);
    const start = this.position;
    this.position += length;
    try {
      return utf8.decode(this.bytes.subarray(start, this.position));
    } catch {
      throw new MeteringError('malformed-utf8', 'a name is not UTF-8', start);
    }
  }

  /** An error at the cursor. */
  malformed(code: ConstructorParameters<typeof MeteringError>[0], message: string): MeteringError {
    return new MeteringError(code, message, this.position);
  }

  #truncated(): MeteringError {
    return this.malformed('malformed-truncated', `expected more bytes before byte ${this.end}`);
  }
}
