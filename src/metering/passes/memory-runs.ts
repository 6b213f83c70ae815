/** Bytes `[start, end)` of a memory that are not all zero. */
export interface Run {
  readonly start: number;
  readonly end: number;
}

/** Zeros between two runs that are cheaper to copy than to leave out: a bulk operation costs about as much as these. */
const GAP_BYTES = 512;
const WORD_BYTES = 4;

/** The parts of a memory that are not zero, in order; null when they have more than `maxBytes` together. */
export function memoryRuns(memory: Uint8Array, maxBytes: number): Run[] | null {
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength / WORD_BYTES);
  const runs: Run[] = [];
  let total = 0;
  let start = -1;
  let end = 0;
  const close = (): void => {
    if (start < 0) return;
    runs.push({ start, end });
    total += end - start;
  };
  for (let index = 0; index < words.length; index++) {
    if (words[index] === 0) continue;
    const at = index * WORD_BYTES;
    if (start < 0 || at - end > GAP_BYTES) {
      close();
      start = at;
    }
    end = at + WORD_BYTES;
    if (total + end - start > maxBytes) return null;
  }
  close();
  return runs;
}
