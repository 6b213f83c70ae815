import type { Value } from './interpreter-decode.ts';

const [I32, I64, F32, F64] = [0x7f, 0x7e, 0x7d, 0x7c];

/** Parameter and result types of the numeric instructions, by the last opcode of each run. */
const SIGNATURES: readonly (readonly [last: number, params: readonly number[], result: number])[] = [
  [0x45, [I32], I32],
  [0x4f, [I32, I32], I32],
  [0x50, [I64], I32],
  [0x5a, [I64, I64], I32],
  [0x60, [F32, F32], I32],
  [0x66, [F64, F64], I32],
  [0x69, [I32], I32],
  [0x78, [I32, I32], I32],
  [0x7b, [I64], I64],
  [0x8a, [I64, I64], I64],
  [0x91, [F32], F32],
  [0x98, [F32, F32], F32],
  [0x9f, [F64], F64],
  [0xa6, [F64, F64], F64],
  [0xa7, [I64], I32],
  [0xa9, [F32], I32],
  [0xab, [F64], I32],
  [0xad, [I32], I64],
  [0xaf, [F32], I64],
  [0xb1, [F64], I64],
  [0xb3, [I32], F32],
  [0xb5, [I64], F32],
  [0xb6, [F64], F32],
  [0xb8, [I32], F64],
  [0xba, [I64], F64],
  [0xbb, [F32], F64],
  [0xbc, [F32], I32],
  [0xbd, [F64], I64],
  [0xbe, [I32], F32],
  [0xbf, [I64], F64],
  [0xc1, [I32], I32],
  [0xc4, [I64], I64],
  [0x101, [F32], I32],
  [0x103, [F64], I32],
  [0x105, [F32], I64],
  [0x107, [F64], I64],
];

const LOADED = [I32, I64, F32, F64, I32, I32, I32, I32, I64, I64, I64, I64, I64, I64];
const STORED = [I32, I64, F32, F64, I32, I32, I64, I64, I64];

type Single = (...args: Value[]) => Value | undefined;

const cache = new WeakMap<object, Map<string, { run: Single; arity: number }>>();
const NO_MEMORY = {};

/** Executes one numeric or memory instruction on the operand stack, in a module that has only it. */
export function callNumeric(
  opcode: number,
  offset: number,
  stack: Value[],
  memory?: WebAssembly.Memory,
): void {
  const owner = memory ?? NO_MEMORY;
  const known = cache.get(owner) ?? new Map<string, { run: Single; arity: number }>();
  cache.set(owner, known);
  const key = `${opcode}+${offset}`;
  const single = known.get(key) ?? build(opcode, offset, memory);
  known.set(key, single);
  const result = single.run(...stack.splice(stack.length - single.arity));
  if (result !== undefined) stack.push(result);
}

/** memory.grow: -1 when it fails. */
export function grow(memory: WebAssembly.Memory, delta: number): number {
  try {
    return memory.grow(delta);
  } catch {
    return -1;
  }
}

function build(opcode: number, offset: number, memory?: WebAssembly.Memory): { run: Single; arity: number } {
  const { params, result } = signature(opcode);
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, params.length, ...params, ...(result === undefined ? [0] : [1, result])]),
    ...(memory ? section(2, [1, 1, 0x6d, 1, 0x6d, 2, 0, 0]) : []),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, code(params.length, opcode, offset)),
  ]);
  const instance = new WebAssembly.Instance(
    new WebAssembly.Module(bytes),
    memory ? { m: { m: memory } } : {},
  );
  return { run: instance.exports.f as Single, arity: params.length };
}

function signature(opcode: number): { params: readonly number[]; result: number | undefined } {
  if (opcode >= 0x28 && opcode <= 0x35) return { params: [I32], result: LOADED[opcode - 0x28] };
  if (opcode >= 0x36 && opcode <= 0x3e)
    return { params: [I32, STORED[opcode - 0x36] ?? I32], result: undefined };
  if (opcode === 0x10a || opcode === 0x10b) return { params: [I32, I32, I32], result: undefined };
  const found = SIGNATURES.find(([last]) => opcode <= last);
  if (!found || opcode < 0x45) throw new Error(`the oracle does not know opcode 0x${opcode.toString(16)}`);
  return { params: found[1], result: found[2] };
}

function code(arity: number, opcode: number, offset: number): number[] {
  const body = [0, ...Array.from({ length: arity }, (_, index) => [0x20, index]).flat()];
  if (opcode >= 0x100) body.push(0xfc, opcode - 0x100);
  else body.push(opcode);
  if (opcode >= 0x28 && opcode <= 0x3e) body.push(0, ...unsigned(offset));
  if (opcode === 0x10a) body.push(0, 0);
  if (opcode === 0x10b) body.push(0);
  body.push(0x0b);
  return [1, ...unsigned(body.length), ...body];
}

const section = (id: number, content: number[]): number[] => [id, ...unsigned(content.length), ...content];

function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...unsigned(Math.floor(value / 128))];
}
