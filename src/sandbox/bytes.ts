const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes numbers and byte sequences one after another; little-endian, unaligned. */
export class ByteWriter {
  #bytes = scratch;
  #view = scratchView;
  #length = 0;

  u32(value: number): void {
    this.#fit(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  f64(value: number): void {
    this.#fit(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A u32 length and the bytes. */
  bytes(value: Uint8Array): void {
    this.u32(value.byteLength);
    this.#fit(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
  }

  /** The same with the UTF-8 of a text. */
  text(value: string): void {
    if (value === '') this.u32(0);
    else this.bytes(encoder.encode(value));
  }

  /** A copy of what was written. */
  finish(): ArrayBuffer {
    return this.#bytes.buffer.slice(0, this.#length);
  }

  #fit(more: number): void {
    if (this.#length + more <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(this.#bytes.byteLength * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Where every writer of this thread begins: they live one after another, each until it is finished. */
const scratch = new Uint8Array(128 * 1024);
const scratchView = new DataView(scratch.buffer);

/** Reads what a `ByteWriter` wrote. Throws a RangeError where the buffer ends too early. */
export class ByteReader {
  readonly #buffer: ArrayBuffer;
  readonly #view: DataView;
  #position = 0;

  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
    this.#view = new DataView(buffer);
  }

  get atEnd(): boolean {
    return this.#position === this.#buffer.byteLength;
  }

  u32(): number {
    const value = this.#view.getUint32(this.#position, true);
    this.#position += 4;
    return value;
  }

  f64(): number {
    const value = this.#view.getFloat64(this.#position, true);
    this.#position += 8;
    return value;
  }

  /** A view of the buffer. */
  bytes(): Uint8Array {
    const length = this.u32();
    const value = new Uint8Array(this.#buffer, this.#position, length);
    this.#position += length;
    return value;
  }

  text(): string {
    const value = this.bytes();
    return value.byteLength === 0 ? '' : decoder.decode(value);
  }
}
