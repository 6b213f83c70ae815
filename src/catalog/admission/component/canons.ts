import { type Refusal, refuse } from '../../../model/verdict.ts';
import { byteAt, readU32 } from './sections.ts';

/** `canon` of the component model (Component Model, "Binary Format"): how many indices follow each opcode. */
const LIFT = 0;
const LOWER = 1;
const INDICES_OF: ReadonlyMap<number, number> = new Map([
  // resource.new, resource.drop, resource.rep
  [2, 1],
  [3, 1],
  [4, 1],
]);
/** Options of lift and lower: string encodings, memory, realloc, post-return. */
const OPTION_INDICES: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 0],
  [2, 0],
  [3, 1],
  [4, 1],
  [5, 1],
]);

// untrusted: a section of a component; what is not as expected is refused, and jco judges the rest
/**
 * The world is synchronous, so that a component has no use for asynchronous functions, tasks, threads, streams and the
 * like; jco has machinery for all of it that no fuel bounds.
 */
export function canonFault(section: Uint8Array): Refusal | null {
  const [count, start] = readU32(section, 0);
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const opcode = byteAt(section, at++);
    if (opcode === LIFT || opcode === LOWER) {
      const end = afterFunction(section, at, opcode === LIFT);
      if (end === null) return unsupported('an asynchronous function');
      at = end;
      continue;
    }
    const indices = INDICES_OF.get(opcode);
    if (indices === undefined) return unsupported(`the built-in function 0x${opcode.toString(16)}`);
    at = skipIndices(section, at, indices);
  }
  return null;
}

/** Where a lift or lower ends; null when it has an option that is not known. */
function afterFunction(section: Uint8Array, start: number, isLift: boolean): number | null {
  // Behind the opcode stands a zero, then the function.
  let at = skipIndices(section, start + 1, 1);
  const [options, first] = readU32(section, at);
  at = first;
  for (let index = 0; index < options; index += 1) {
    const indices = OPTION_INDICES.get(byteAt(section, at++));
    if (indices === undefined) return null;
    at = skipIndices(section, at, indices);
  }
  return isLift ? skipIndices(section, at, 1) : at;
}

function skipIndices(section: Uint8Array, start: number, count: number): number {
  let at = start;
  for (let index = 0; index < count; index += 1) [, at] = readU32(section, at);
  return at;
}

function unsupported(what: string): Refusal {
  const message = `${what} of the component model; a handler is synchronous and may use lift, lower and resources`;
  return refuse('ERR_MODULE_UNSUPPORTED', message);
}
