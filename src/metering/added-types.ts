import type { ModuleSkeleton } from './skeleton.ts';
import { EMPTY_BLOCK, FUNCTION_FORM, type FunctionType } from './types.ts';
import type { Writer } from './writer.ts';

const NOTHING = new Uint8Array(0);

/** Types that metering needs and that are appended to the module's own. */
export class AddedTypes {
  readonly #module: ModuleSkeleton;
  readonly #indices = new Map<string, number>();
  readonly #added: FunctionType[] = [];

  constructor(module: ModuleSkeleton) {
    this.#module = module;
  }

  /** Number of types that have to be appended. */
  get added(): number {
    return this.#added.length;
  }

  /**
   * Writes the type of a block around the body of a function that has early exits: nothing in, the results of the
   * given type out. Several results need a type of their own.
   */
  writeResultType(out: Writer, typeIndex: number): void {
    const results = this.#module.types[typeIndex]?.results ?? NOTHING;
    if (results.length === 0) out.byte(EMPTY_BLOCK);
    else if (results.length === 1) out.byte(results[0] as number);
    else out.signed(this.indexOf({ params: NOTHING, results }));
  }

  /** The index of a type. */
  indexOf(type: FunctionType): number {
    const key = `${type.params.join()} ${type.results.join()}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.#module.types.length + this.#added.length;
    this.#added.push(type);
    this.#indices.set(key, index);
    return index;
  }

  /** Writes the appended types. */
  writeTypes(out: Writer): void {
    for (const { params, results } of this.#added) {
      out.byte(FUNCTION_FORM);
      out.u32(params.length);
      out.copy(params, 0, params.length);
      out.u32(results.length);
      out.copy(results, 0, results.length);
    }
  }
}
