/** Things the other side of a port was told once and knows by number since. Bounded: the one used longest ago goes. */
export class Told<Item extends object> {
  readonly #ids = new Map<Item, number>();
  readonly #max: number;
  readonly #tell: (item: Item, id: number, forgets: number | null) => void;
  #next = 1;
  #last: Item | null = null;
  #lastId = 0;

  /** `tell` is called once for each item the other side does not know; `forgets` is the number it can drop. */
  constructor(max: number, tell: (item: Item, id: number, forgets: number | null) => void) {
    this.#max = max;
    this.#tell = tell;
  }

  /** The number by which the other side knows `item` from now on. Numbers are never used again. */
  idOf(item: Item): number {
    if (this.#last === item) return this.#lastId;
    const known = this.#ids.get(item);
    if (known !== undefined) {
      this.#touch(item, known);
      return known;
    }
    const id = this.#next++;
    const forgets = this.#ids.size < this.#max ? null : this.#dropOldest();
    this.#touch(item, id);
    this.#tell(item, id, forgets);
    return id;
  }

  #touch(item: Item, id: number): void {
    this.#ids.delete(item);
    this.#ids.set(item, id);
    this.#last = item;
    this.#lastId = id;
  }

  #dropOldest(): number | null {
    for (const [item, id] of this.#ids) {
      this.#ids.delete(item);
      return id;
    }
    return null;
  }
}
