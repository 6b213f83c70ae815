/**
 * Things by small number, used again once free. Not a `Map`: one whose keys come and go makes a new table every few
 * dozen entries, each old one points to the next, and once one of them is old to the garbage collector all that was in
 * the later ones lives on with it (measured: every job and all it held was moved to old space).
 */
export class Slots<Item> {
  readonly #items: (Item | null)[] = [];
  readonly #free: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot that has `item` from now on: one used before, if there is a free one. */
  put(item: Item): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    this.#size += 1;
    return slot;
  }

  /** untrusted: `slot` may be any number. */
  get(slot: number): Item | undefined {
    return this.#items[slot] ?? undefined;
  }

  delete(slot: number): void {
    if (this.withdraw(slot) !== undefined) this.#free.push(slot);
  }

  /** Takes its item out of a slot that stays in use until it is given back. */
  withdraw(slot: number): Item | undefined {
    const item = this.get(slot);
    if (item === undefined) return undefined;
    this.#items[slot] = null;
    this.#size -= 1;
    return item;
  }

  /** For a slot whose item was withdrawn. */
  giveBack(slot: number): void {
    this.#free.push(slot);
  }

  *[Symbol.iterator](): Iterator<readonly [slot: number, item: Item]> {
    for (const [slot, item] of this.#items.entries()) if (item !== null) yield [slot, item];
  }

  clear(): void {
    this.#items.length = 0;
    this.#free.length = 0;
    this.#size = 0;
  }
}
