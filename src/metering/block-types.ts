import { operandList, type Shape } from './operand-stack.ts';
import type { Reader } from './reader.ts';
import { EMPTY_BLOCK, I32, readValueType, V128 } from './types.ts';

const NOTHING = operandList(new Uint8Array(0));
const EMPTY: Shape = { params: NOTHING, results: NOTHING };
const ONE_SLOT: Shape = { params: NOTHING, results: operandList(Uint8Array.of(I32)) };
const ONE_VECTOR: Shape = { params: NOTHING, results: operandList(Uint8Array.of(V128)) };

/** What the function's own label leaves: its results. Its parameters are locals. */
export function bodyShape(type: Shape): Shape {
  return { params: NOTHING, results: type.results };
}

/** Reads a block type: nothing, one value, or the index of a function type. */
export function readBlockShape(reader: Reader, shapes: readonly Shape[]): Shape {
  const byte = reader.peek();
  if (byte === EMPTY_BLOCK) {
    reader.skip(1);
    return EMPTY;
  }
  // Negative one-byte numbers are value types; type indices are not negative.
  if ((byte & 0xc0) === 0x40) return readValueType(reader) === V128 ? ONE_VECTOR : ONE_SLOT;
  return shapeAt(reader, shapes, reader.s33());
}

export function shapeAt(reader: Reader, shapes: readonly Shape[], index: number): Shape {
  const shape = shapes[index];
  if (shape === undefined) throw reader.malformed('malformed-index', `type ${index} does not exist`);
  return shape;
}
