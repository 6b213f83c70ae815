/**
 * Bytes that `heap.alloc` gives to a document beyond its length, always zero, so that the parser may look at eight
 * bytes at once without checking for the end.
 */
export const PADDING_BYTES: usize = 8;

/** A block for `length` bytes followed by zeroed padding. Never freed: an invocation is the lifetime. */
export function allocatePadded(length: i32): usize {
  const start = heap.alloc(<usize>length + PADDING_BYTES);
  store<u64>(start + length, 0);
  return start;
}

/** True when two byte ranges of the same length hold the same bytes. */
export function bytesEqual(a: usize, b: usize, length: usize): bool {
  let offset: usize = 0;
  for (; offset + 8 <= length; offset += 8) {
    if (load<u64>(a + offset) != load<u64>(b + offset)) return false;
  }
  for (; offset < length; offset++) {
    if (load<u8>(a + offset) != load<u8>(b + offset)) return false;
  }
  return true;
}

/** Bytes that grow at the end, outside the garbage collector's heap. */
export class ByteBuffer {
  /** Address of the first byte; changes when the buffer grows. */
  start: usize;
  length: i32 = 0;
  private capacity: i32;

  constructor(capacity: i32 = 1024) {
    this.start = heap.alloc(capacity);
    this.capacity = capacity;
  }

  /** Adds `count` unset bytes and returns their address, valid until the next addition. */
  @inline
  extend(count: i32): usize {
    const wanted = this.length + count;
    if (wanted > this.capacity) this.grow(wanted);
    const at = this.start + this.length;
    this.length = wanted;
    return at;
  }

  @inline
  appendByte(byte: u8): void {
    store<u8>(this.extend(1), byte);
  }

  append(start: usize, length: i32): void {
    memory.copy(this.extend(length), start, length);
  }

  /** Appends text as UTF-8; a lone surrogate becomes U+FFFD. */
  appendText(text: string): void {
    const length = String.UTF8.byteLength(text);
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, this.extend(length), false, String.UTF8.ErrorMode.REPLACE);
  }

  private grow(wanted: i32): void {
    let capacity = this.capacity;
    while (capacity < wanted) capacity <<= 1;
    this.start = heap.realloc(this.start, capacity);
    this.capacity = capacity;
  }
}
