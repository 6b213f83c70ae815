import type { ValueType } from '../../../src/metering/index.ts';
import type { Constant } from './script.ts';

/** The host references of the scripts (`ref.extern 1`), the same objects for every world. */
const externs = new Map<string, { readonly extern: string }>();

function externOf(number: string): object {
  const known = externs.get(number) ?? { extern: number };
  externs.set(number, known);
  return known;
}

const LANE_BITS: Readonly<Record<string, number>> = { i8: 8, i16: 16, i32: 32, i64: 64, f32: 32, f64: 64 };

/** The bits of a v128, lane by lane, little end first. */
function vectorBits({ lane_type: lane = 'i32', value }: Constant): bigint {
  const bits = LANE_BITS[lane] ?? 32;
  const lanes = Array.isArray(value) ? (value as string[]) : [];
  return lanes.reduce(
    (whole, text, index) => whole | (BigInt.asUintN(bits, BigInt(text)) << BigInt(bits * index)),
    0n,
  );
}

/** A constant of a script as arguments of a wrapper, or `undefined` when JavaScript has no way to pass it. */
export function argumentsOf(constant: Constant): unknown[] | undefined {
  const { type, value } = constant;
  if (type === 'v128') {
    const bits = vectorBits(constant);
    return [BigInt.asIntN(64, bits), BigInt.asIntN(64, bits >> 64n)];
  }
  if (typeof value !== 'string') return value === undefined && type.endsWith('ref') ? [null] : undefined;
  if (type === 'i32' || type === 'f32') return [Number(BigInt.asIntN(32, BigInt(value)))];
  if (type === 'i64' || type === 'f64') return [BigInt.asIntN(64, BigInt(value))];
  if (value === 'null') return [null];
  return type === 'externref' ? [externOf(value)] : undefined;
}

/** Results as text: numbers as their bits, references by what they are. */
export function render(type: ValueType, values: readonly unknown[]): string {
  if (type === 'v128') {
    const [low, high] = values as [bigint, bigint];
    return `v128:${((BigInt.asUintN(64, high) << 64n) | BigInt.asUintN(64, low)).toString(16)}`;
  }
  const [value] = values;
  if (type === 'i32' || type === 'f32') return `${type}:${BigInt.asUintN(32, BigInt(value as number))}`;
  if (type === 'i64' || type === 'f64') return `${type}:${BigInt.asUintN(64, BigInt(value as bigint))}`;
  if (value === null) return `${type}:null`;
  if (typeof value === 'object' && value !== undefined && 'extern' in value) return `${type}:${value.extern}`;
  return `${type}:${typeof value}`;
}

/** Whether a rendered result is what the script expects. */
export function satisfies(rendered: string, expected: Constant): boolean {
  if (expected.values) return expected.values.some((one) => satisfies(rendered, one));
  const [type = '', text = ''] = rendered.split(':');
  if (type !== expected.type) return expected.type.endsWith('ref') && type.endsWith('ref');
  if (type === 'v128') return vectorSatisfies(BigInt(`0x${text}`), expected);
  if (type.endsWith('ref')) {
    return expected.value === undefined ? text !== 'null' : text === expected.value;
  }
  return laneSatisfies(type, BigInt(text), String(expected.value));
}

function vectorSatisfies(bits: bigint, { lane_type: lane = 'i32', value }: Constant): boolean {
  const width = LANE_BITS[lane] ?? 32;
  const lanes = Array.isArray(value) ? (value as string[]) : [];
  return lanes.every((text, index) =>
    laneSatisfies(lane, BigInt.asUintN(width, bits >> BigInt(width * index)), text),
  );
}

function laneSatisfies(type: string, bits: bigint, expected: string): boolean {
  const width = LANE_BITS[type] ?? 32;
  if (!expected.startsWith('nan')) return bits === BigInt.asUintN(width, BigInt(expected));
  const quiet = width === 32 ? 0x7fc00000n : 0x7ff8000000000000n;
  const magnitude = BigInt.asUintN(width - 1, bits);
  return expected === 'nan:canonical' ? magnitude === quiet : (magnitude & quiet) === quiet;
}
