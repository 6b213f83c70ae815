/** Places in a function body where code is inserted or replaced. Plain numbers: there is one for every few bytes. */
export const MARK = Object.freeze({
  // Lines: what is charged where they start is decided when the whole body is known.
  /** Start of the function: charge and check. */
  entry: 0,
  /** Start of a straight line: charge. */
  line: 1,
  /** Start of a loop's body: charge, spill and check, on every iteration. */
  loop: 2,
  /** After a call: reload and charge. */
  afterCall: 3,
  /** After a call of an imported function: also check, because the host may have lowered the counter. */
  afterImportCall: 4,
  /** After memory.grow: reload and charge. */
  afterGrow: 5,
  // The rest.
  /** Before a call: spill. */
  call: 6,
  /** Before a call of an imported function: spill and check. */
  importCall: 7,
  /** Before a tail call: spill and leave the frame. */
  tailCall: 8,
  /** Before a tail call of an imported function: also check. */
  importTailCall: 9,
  /** Before an exception is thrown: spill. */
  throw: 10,
  /** A return: becomes a branch to the common exit. */
  return: 11,
  /** Before an operation that is charged by its length: charge and check. */
  length: 12,
  /** The same with a length of 64 bits. */
  wideLength: 13,
  /** memory.grow: becomes a call (`grow-functions.ts`). */
  memoryGrow: 14,
  /** Before table.grow: charge, if the growth can succeed, and check. */
  tableGrow: 15,
  /** An access of one of the module's own globals, where these have moved. */
  global: 16,
  /** The last `end` of the body. */
  end: 17,
  /** A loop whose check is where its iterations end (`repeat`). A line. */
  uncheckedLoop: 18,
  /** An unconditional branch to a loop; the value is the loop's mark. */
  repeat: 19,
});

/** A growable list of marks in the order of their position. */
export class Marks {
  kinds = new Uint8Array(256);
  positions = new Uint32Array(256);
  /** The cost of a charge; the label of a return; the opcode of an operation with a length; the index of what grows. */
  values = new Float64Array(256);
  /** How many labels there are at the mark. */
  depths = new Uint32Array(256);
  /** Of a line: 1 if it keeps the counter in a local (`counter-home.ts`). */
  local = new Uint8Array(256);
  count = 0;
  readonly #blocks: { readonly depth: number };

  constructor(blocks: { readonly depth: number }) {
    this.#blocks = blocks;
  }

  clear(): void {
    this.count = 0;
  }

  /** Adds a mark and returns its number. */
  add(kind: number, position: number, value: number): number {
    if (this.count === this.kinds.length) this.#grow();
    this.kinds[this.count] = kind;
    this.positions[this.count] = position;
    this.values[this.count] = value;
    this.depths[this.count] = this.#blocks.depth;
    this.local[this.count] = 0;
    return this.count++;
  }

  #grow(): void {
    const capacity = this.kinds.length * 2;
    const { kinds, positions, values, depths, local } = this;
    this.kinds = new Uint8Array(capacity);
    this.positions = new Uint32Array(capacity);
    this.values = new Float64Array(capacity);
    this.kinds.set(kinds);
    this.positions.set(positions);
    this.values.set(values);
    this.depths = new Uint32Array(capacity);
    this.depths.set(depths);
    this.local = new Uint8Array(capacity);
    this.local.set(local);
  }
}
