/**
 * What crosses between the broker and its admission child: frames of a u32 length and so many bytes, little-endian. A
 * frame holds a JSON head behind a u32 length, and any number of byte sequences, each behind a u32 length.
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const U32 = 4;

export interface Frame {
  readonly head: unknown;
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
}

export function encodeFrame(head: unknown, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sequences = [encoder.encode(JSON.stringify(head)), ...parts];
  const size = sequences.reduce((sum, bytes) => sum + U32 + bytes.byteLength, 0);
  const frame = new Uint8Array(U32 + size);
  const view = new DataView(frame.buffer);
  view.setUint32(0, size, true);
  let at = U32;
  for (const bytes of sequences) {
    view.setUint32(at, bytes.byteLength, true);
    frame.set(bytes, at + U32);
    at += U32 + bytes.byteLength;
  }
  return frame;
}

/** Gathers the chunks of a stream into frames. Throws a RangeError for one of more than `maxBytes`, or a broken one. */
export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The frames that `chunk` completes. */
  *read(chunk: Uint8Array): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#length += chunk.byteLength;
    for (;;) {
      if (this.#length < U32) return;
      const size = this.#peekSize();
      if (size > this.#maxBytes) throw new RangeError(`a frame of ${size} bytes; at most ${this.#maxBytes}`);
      if (this.#length < U32 + size) return;
      yield decodeFrame(this.#take(U32 + size).subarray(U32));
    }
  }

  #peekSize(): number {
    if ((this.#chunks[0]?.byteLength ?? 0) < U32) this.#join();
    const [first] = this.#chunks;
    return first === undefined ? 0 : new DataView(first.buffer, first.byteOffset).getUint32(0, true);
  }

  #take(size: number): Uint8Array<ArrayBuffer> {
    this.#join();
    const [all = new Uint8Array()] = this.#chunks;
    this.#chunks = size === all.byteLength ? [] : [all.subarray(size)];
    this.#length -= size;
    return new Uint8Array(all.subarray(0, size));
  }

  #join(): void {
    if (this.#chunks.length < 2) return;
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.byteLength;
    }
    this.#chunks = [all];
  }
}

function decodeFrame(bytes: Uint8Array<ArrayBuffer>): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sequences: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const start = at + U32;
    const end = start + view.getUint32(at, true);
    if (end > bytes.byteLength) throw new RangeError('a sequence reaches beyond its frame');
    sequences.push(bytes.subarray(start, end));
    at = end;
  }
  const [head, ...parts] = sequences;
  return { head: JSON.parse(decoder.decode(head)), parts };
}
