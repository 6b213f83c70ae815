/**
 * Where the code of a metered module came from: two parallel arrays of byte offsets in the new and in the original
 * module, ascending. Between two entries the offsets advance together, at most to the original of the second.
 */
export interface Offsets {
  readonly metered: Uint32Array<ArrayBuffer>;
  readonly original: Uint32Array<ArrayBuffer>;
}

/**
 * The original offset of a byte in the code section of a metered module, as in a stack frame `wasm-function[3]:0x1a2`.
 * Inserted code maps to the instruction it stands before. Undefined outside the code section.
 */
export function originalOffset(offsets: Offsets, newOffset: number): number | undefined {
  const { metered, original } = offsets;
  let low = 0;
  let high = metered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((metered[middle] ?? 0) <= newOffset) low = middle + 1;
    else high = middle;
  }
  if (low === 0 || low === metered.length) return undefined;
  const start = original[low - 1] ?? 0;
  const next = original[low] ?? start;
  return Math.min(start + newOffset - (metered[low - 1] ?? 0), next);
}

/** Collects the entries while code is emitted. */
export class OffsetRecorder {
  #metered = new Uint32Array(1024);
  #original = new Uint32Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(metered: number, original: number): void {
    if (this.#count === this.#metered.length) this.#grow();
    this.#metered[this.#count] = metered;
    this.#original[this.#count++] = original;
  }

  /** Moves the entries from number `first` on: what they are relative to is now known. */
  shift(first: number, distance: number): void {
    for (let index = first; index < this.#count; index++) {
      this.#metered[index] = (this.#metered[index] as number) + distance;
    }
  }

  finish(): Offsets {
    return { metered: this.#metered.slice(0, this.#count), original: this.#original.slice(0, this.#count) };
  }

  #grow(): void {
    const { metered, original } = { metered: this.#metered, original: this.#original };
    this.#metered = new Uint32Array(this.#count * 2);
    this.#original = new Uint32Array(this.#count * 2);
    this.#metered.set(metered);
    this.#original.set(original);
  }
}
