import type { FunctionSignature, ValueType } from '../../../src/metering/index.ts';

type Call = (...args: unknown[]) => unknown;

const CODES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
  exnref: 0x69,
};

/** How a value passes between JavaScript and a wrapper: floats as their bits, a vector as two halves. */
const PASSED: Partial<Record<ValueType, readonly ValueType[]>> = {
  f32: ['i32'],
  f64: ['i64'],
  v128: ['i64', 'i64'],
};

const passed = (type: ValueType): readonly ValueType[] => PASSED[type] ?? [type];

/** Whether JavaScript cannot pass the values of the signature, or not bit by bit. */
export function needsWrapper({ params, results }: FunctionSignature): boolean {
  return [...params, ...results].some((type) => type in PASSED);
}

/**
 * A function that calls the given one through a generated module, with floats and vectors as bits: v128 cannot pass
 * through JavaScript, and a NaN does not keep its bits there.
 */
export function wrap(target: Call, signature: FunctionSignature): Call {
  const inner = type(signature.params, signature.results);
  const outer = type(signature.params.flatMap(passed), signature.results.flatMap(passed));
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, ...inner, ...outer]),
    ...section(2, [1, 1, 0x6d, 1, 0x66, 0, 0]),
    ...section(3, [1, 1]),
    ...section(7, [1, 1, 0x77, 0, 1]),
    ...section(10, body(signature)),
  ]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { f: target as never } });
  return exports['w'] as Call;
}

function body({ params, results }: FunctionSignature): number[] {
  const code: number[] = [];
  let local = 0;
  for (const param of params) {
    code.push(...pushParameter(param, local));
    local += passed(param).length;
  }
  code.push(0x10, 0);
  const first = local;
  for (let index = results.length - 1; index >= 0; index--) code.push(0x21, ...leb(first + index));
  results.forEach((result, index) => {
    code.push(...pushResult(result, first + index));
  });
  const locals = [...leb(results.length), ...results.flatMap((result) => [1, CODES[result]])];
  const whole = [...locals, ...code, 0x0b];
  return [1, ...leb(whole.length), ...whole];
}

function pushParameter(param: ValueType, local: number): number[] {
  const get = [0x20, ...leb(local)];
  if (param === 'f32') return [...get, 0xbe];
  if (param === 'f64') return [...get, 0xbf];
  if (param !== 'v128') return get;
  // i64x2.splat, then the second lane
  return [...get, 0xfd, 18, 0x20, ...leb(local + 1), 0xfd, 30, 1];
}

function pushResult(result: ValueType, local: number): number[] {
  const get = [0x20, ...leb(local)];
  if (result === 'f32') return [...get, 0xbc];
  if (result === 'f64') return [...get, 0xbd];
  if (result !== 'v128') return get;
  return [...get, 0xfd, 29, 0, ...get, 0xfd, 29, 1];
}

const type = (params: readonly ValueType[], results: readonly ValueType[]): number[] => [
  ...[0x60, ...leb(params.length), ...params.map((param) => CODES[param])],
  ...[...leb(results.length), ...results.map((result) => CODES[result])],
];

const section = (id: number, content: number[]): number[] => [id, ...leb(content.length), ...content];

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...leb(value >>> 7)];
}
