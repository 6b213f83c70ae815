/**
 * What crosses between the broker and a child process that runs guests: frames of a u32 length (of the body), a u8 kind
 * and the body, little-endian.
 *
 * | kind    | direction | body                                                                  |
 * |---------|-----------|-----------------------------------------------------------------------|
 * | batch   | both      | messages as batch.ts writes them                                      |
 * | module  | to child  | facts as JSON, metered module, module with its image (or nothing)     |
 * | limits  | to child  | JSON                                                                  |
 * | close   | to child  | nothing                                                               |
 * | clock   | to broker | f64: slot that runs or -1, then slot, elapsed ms and replies of each  |
 */
import type { Socket } from 'node:net';

export const FRAME = Object.freeze({ batch: 1, module: 2, limits: 3, close: 4, clock: 5 });
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  readonly body: ArrayBuffer;
}

const HEADER_BYTES = 5;

/** What stands before a body of that kind and length. */
export function frameHeader(kind: FrameKind, bodyBytes: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, bodyBytes, true);
  header[4] = kind;
  return header;
}

/** Sends a frame with the others of this turn of the event loop: one system call for all of them. */
export function sendFrame(socket: Socket, kind: FrameKind, body: Uint8Array): void {
  if (socket.destroyed) return;
  if (socket.writableCorked === 0) {
    socket.cork();
    setImmediate(() => socket.uncork());
  }
  socket.write(frameHeader(kind, body.byteLength));
  socket.write(body);
}

/** Gathers the chunks of a stream into frames. untrusted: every byte of them. */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #kinds: ReadonlySet<number>;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  #body: Uint8Array<ArrayBuffer> | null = null;
  #bodyLength = 0;

  /** Takes frames of these kinds, with a body of at most `maxBytes`. */
  constructor(kinds: readonly FrameKind[], maxBytes: number) {
    this.#kinds = new Set(kinds);
    this.#maxBytes = maxBytes;
  }

  /** The frames that `chunk` completes. Throws a RangeError for one that may not come; nothing can be read after it. */
  read(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.byteLength) {
      at += this.#body === null ? this.#readHeader(chunk, at) : this.#readBody(this.#body, chunk, at);
      if (this.#body === null || this.#bodyLength < this.#body.byteLength) continue;
      frames.push({ kind: this.#header[4] as FrameKind, body: this.#body.buffer });
      this.#body = null;
      this.#headerLength = 0;
    }
    return frames;
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const taken = chunk.subarray(at, at + HEADER_BYTES - this.#headerLength);
    this.#header.set(taken, this.#headerLength);
    this.#headerLength += taken.byteLength;
    if (this.#headerLength < HEADER_BYTES) return taken.byteLength;
    const size = new DataView(this.#header.buffer).getUint32(0, true);
    const kind = this.#header[4] ?? 0;
    if (!this.#kinds.has(kind)) throw new RangeError(`expected a frame of a known kind, got kind ${kind}`);
    if (size > this.#maxBytes) throw new RangeError(`a frame of ${size} bytes; at most ${this.#maxBytes}`);
    this.#body = new Uint8Array(size);
    this.#bodyLength = 0;
    return taken.byteLength;
  }

  #readBody(body: Uint8Array, chunk: Uint8Array, at: number): number {
    const taken = chunk.subarray(at, at + body.byteLength - this.#bodyLength);
    body.set(taken, this.#bodyLength);
    this.#bodyLength += taken.byteLength;
    return taken.byteLength;
  }
}
