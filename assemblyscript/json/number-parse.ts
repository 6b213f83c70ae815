import { decimalToDouble } from "./decimal-to-double";

/** 10^0 … 10^22: the powers of ten that a double represents exactly. */
const EXACT_POWERS: StaticArray<f64> = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
];
const LARGEST_EXACT_POWER = 22;
const LARGEST_EXACT_INTEGER: u64 = 1 << 53;
/** Digits that surely fit a u64. */
const MAX_FAST_DIGITS = 19;
/** Exponents are cut here: far outside the range of a double with any number of digits a document can hold. */
const MAX_EXPONENT = 100_000_000;

// A number's parts, filled by `scan`.
let mantissa: u64 = 0;
let exponent10: i32 = 0;
let digitsDropped: bool = false;
let significandEnd: usize = 0;

/**
 * The double nearest to a JSON number, ties to even, as JavaScript reads it; beyond the range it is infinite.
 * Short numbers take Clinger's exact fast path ("How to Read Floating Point Numbers Accurately", 1990), the others
 * arbitrary precision. The text has been checked by the parser.
 */
export function parseDouble(start: usize, end: usize): f64 {
  const negative = load<u8>(start) == 0x2d;
  if (negative) start++;
  scan(start, end);
  const magnitude = toDouble(start);
  return negative ? -magnitude : magnitude;
}

function toDouble(start: usize): f64 {
  if (!digitsDropped) {
    if (mantissa == 0) return 0;
    if (mantissa <= LARGEST_EXACT_INTEGER && exponent10 >= -LARGEST_EXACT_POWER && exponent10 <= LARGEST_EXACT_POWER) {
      const exact = <f64>mantissa;
      if (exponent10 < 0) return exact / unchecked(EXACT_POWERS[-exponent10]);
      return exact * unchecked(EXACT_POWERS[exponent10]);
    }
  }
  return decimalToDouble(start, significandEnd, exponent10);
}

/** Splits a number without sign into its first 19 significant digits and a power of ten. */
function scan(start: usize, end: usize): void {
  mantissa = 0;
  exponent10 = 0;
  digitsDropped = false;
  let digits = 0;
  let inFraction = false;
  let at = start;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x2e) {
      inFraction = true;
      continue;
    }
    const digit = byte - 0x30;
    if (digit > 9) break;
    if (digits < MAX_FAST_DIGITS) {
      mantissa = mantissa * 10 + digit;
      if (mantissa != 0) digits++;
      if (inFraction) exponent10--;
    } else {
      digitsDropped = true;
      if (!inFraction) exponent10++;
    }
  }
  significandEnd = at;
  if (at < end) exponent10 += scanExponent(at + 1, end);
}

function scanExponent(at: usize, end: usize): i32 {
  const sign = load<u8>(at);
  if (sign == 0x2b || sign == 0x2d) at++;
  let exponent = 0;
  for (; at < end; at++) {
    if (exponent < MAX_EXPONENT) exponent = exponent * 10 + (load<u8>(at) - 0x30);
  }
  return sign == 0x2d ? -exponent : exponent;
}
