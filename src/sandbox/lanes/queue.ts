/** How many places at the front may be empty before they are given up. */
const EMPTY_MAX = 1024;

/**
 * First in, first out. Not an array alone: `shift` moves all that is behind the first, which at some ten thousand items
 * costs more than to run one.
 */
export class Queue<Item> {
  /** Those before `#first` are empty. */
  #items: (Item | null)[] = [];
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  /** The next one, which stays. */
  get first(): Item | null {
    return this.#items[this.#first] ?? null;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** These come before all that are here. */
  pushFirst(items: readonly Item[]): void {
    this.#items = [...items, ...this.#items.slice(this.#first)];
    this.#first = 0;
  }

  shift(): Item | null {
    const { first } = this;
    if (first === null) return null;
    this.#items[this.#first] = null;
    this.#first += 1;
    // Where half of the places are empty, moving the others costs no more than it took to come here.
    if (this.#first >= EMPTY_MAX && this.#first * 2 >= this.#items.length) this.pushFirst([]);
    return first;
  }

  /** False when it is not here. */
  remove(item: Item): boolean {
    if (item === this.first) return this.shift() !== null;
    const place = this.#items.indexOf(item, this.#first);
    if (place < 0) return false;
    this.#items.splice(place, 1);
    return true;
  }

  /** All of them, in order; none is left. */
  takeAll(): Item[] {
    const all = this.#items.slice(this.#first) as Item[];
    this.#items = [];
    this.#first = 0;
    return all;
  }
}
