/** Places in a function body where code is inserted or replaced. Plain numbers: there is one for every few bytes. */
export const MARK = Object.freeze({
  /** Start of the function: charge and check. */
  entry: 0,
  /** Start of a straight line: charge. */
  line: 1,
  /** Start of a loop's body: charge, spill and check, on every iteration. */
  loop: 2,
  /** After a call: reload, charge and check. */
  afterCall: 3,
  /** Before a call: spill. */
  call: 4,
  /** Before a call of an imported function: spill and check. */
  importCall: 5,
  /** Before a tail call: spill and leave the frame. */
  tailCall: 6,
  /** Before a tail call of an imported function: also check. */
  importTailCall: 7,
  /** A return: becomes a branch to the common exit. */
  return: 8,
  /** Before a bulk operation: charge by length and check. */
  bulk: 9,
  /** Before memory.grow, table.grow: the same, if the growth can succeed. */
  memoryGrow: 10,
  tableGrow: 11,
  /** After memory.grow: note a denial and start a straight line. */
  afterGrow: 13,
  /** The last `end` of the body. */
  end: 12,
});

/** A growable list of marks in the order of their position. */
export class Marks {
  kinds = new Uint8Array(256);
  positions = new Uint32Array(256);
  /** The cost of a charge; the label of a return; the opcode or index of a bulk operation. */
  values = new Float64Array(256);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** Adds a mark and returns its number. */
  add(kind: number, position: number, value: number): number {
    if (this.count === this.kinds.length) this.#grow();
    this.kinds[this.count] = kind;
    this.positions[this.count] = position;
    this.values[this.count] = value;
    return this.count++;
  }

  #grow(): void {
    const capacity = this.kinds.length * 2;
    const { kinds, positions, values } = this;
    this.kinds = new Uint8Array(capacity);
    this.positions = new Uint32Array(capacity);
    this.values = new Float64Array(capacity);
    this.kinds.set(kinds);
    this.positions.set(positions);
    this.values.set(values);
  }
}
