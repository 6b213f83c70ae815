/** Runs in a lane's thread. Idle cells, bounded by number and by memory; the shape used longest ago goes first. */
import type { GuestInstance } from '../abi/guest-instance.ts';
import type { GuestState } from '../abi/guest-state.ts';

/**
 * What an invocation runs in: a memory, the host's imports bound to it, and, where admission took an image, the
 * instance. Making one costs more than a small step, so cells are used again.
 */
export interface Cell {
  /** Where it is kept while idle. */
  readonly shape: string;
  /** Of its memory while it is idle. */
  readonly bytes: number;
  readonly memory: WebAssembly.Memory;
  readonly imports: WebAssembly.Imports;
  readonly state: GuestState;
  /** Kept between invocations only where it can be restored. */
  instance: GuestInstance | null;
}

/** A process can have about 16,000 memories, since each reserves address space. */
const CELLS_MAX = 1024;
const BYTES_MAX = 128 * 1024 * 1024;

export class CellStore {
  /** By shape, the one used last at the end. */
  readonly #idle = new Map<string, Cell[]>();
  #usedLast: string | null = null;
  #cells = 0;
  #bytes = 0;

  take(shape: string): Cell | undefined {
    const cell = this.#idle.get(shape)?.pop();
    if (cell !== undefined) this.#count(cell, -1);
    return cell;
  }

  /** False for a cell so large that keeping it would drop all others. */
  hasRoom(bytes: number): boolean {
    return bytes <= BYTES_MAX / 2;
  }

  keep(cell: Cell): void {
    this.#ofShape(cell.shape).push(cell);
    this.#count(cell, 1);
    while (this.#cells > CELLS_MAX || this.#bytes > BYTES_MAX) this.#evict();
  }

  /** The idle ones of a shape, which is the one used last from now on. */
  #ofShape(shape: string): Cell[] {
    const known = this.#idle.get(shape);
    if (known !== undefined && this.#usedLast === shape) return known;
    const same = known ?? [];
    this.#idle.delete(shape);
    this.#idle.set(shape, same);
    this.#usedLast = shape;
    return same;
  }

  #evict(): void {
    for (const [shape, cells] of this.#idle) {
      const cell = cells.shift();
      if (cells.length === 0) this.#idle.delete(shape);
      if (cell === undefined) continue;
      this.#count(cell, -1);
      return;
    }
  }

  #count(cell: Cell, by: 1 | -1): void {
    this.#cells += by;
    this.#bytes += by * cell.bytes;
  }
}
