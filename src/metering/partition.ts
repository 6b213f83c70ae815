import { grown } from './grown.ts';

/** Numbers from 0 on, in sets that can be made one (union-find). The smallest number of a set stands for it. */
export class Partition {
  #parents = new Int32Array(64);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds the next number, in a set of its own. */
  add(): number {
    const item = this.#count++;
    if (item === this.#parents.length) this.#parents = grown(this.#parents);
    this.#parents[item] = item;
    return item;
  }

  find(item: number): number {
    const parents = this.#parents;
    let root = item;
    while (parents[root] !== root) root = parents[root] as number;
    // Path compression keeps long chains of merges linear.
    for (let at = item; at !== root; ) {
      const next = parents[at] as number;
      parents[at] = root;
      at = next;
    }
    return root;
  }

  /** Makes two sets one and returns what stands for it. */
  merge(a: number, b: number): number {
    const [first, second] = [this.find(a), this.find(b)];
    const root = Math.min(first, second);
    this.#parents[first] = root;
    this.#parents[second] = root;
    return root;
  }
}
