import type { ModuleSkeleton } from './skeleton.ts';
import { EMPTY_BLOCK, FUNCTION_FORM } from './types.ts';
import type { Writer } from './writer.ts';

/**
 * Block types for the block around a function body that has early exits: nothing in, the function's results out.
 * Several results need a type of their own, which is appended to the module's types.
 */
export class ResultTypes {
  readonly #module: ModuleSkeleton;
  readonly #indices = new Map<string, number>();
  readonly #added: Uint8Array[] = [];

  constructor(module: ModuleSkeleton) {
    this.#module = module;
  }

  /** Number of types that have to be appended. */
  get added(): number {
    return this.#added.length;
  }

  /** Writes the block type for a function of the given type. */
  writeResultType(out: Writer, typeIndex: number): void {
    const results = this.#module.types[typeIndex]?.results ?? new Uint8Array(0);
    if (results.length === 0) out.byte(EMPTY_BLOCK);
    else if (results.length === 1) out.byte(results[0] as number);
    else out.signed(this.#indexOf(results));
  }

  /** Writes the appended types. */
  writeTypes(out: Writer): void {
    for (const results of this.#added) {
      out.pair(FUNCTION_FORM, 0);
      out.u32(results.length);
      out.copy(results, 0, results.length);
    }
  }

  #indexOf(results: Uint8Array): number {
    const key = results.join();
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.#module.types.length + this.#added.length;
    this.#added.push(results);
    this.#indices.set(key, index);
    return index;
  }
}
