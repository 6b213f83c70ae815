import { Json } from "tasker-wasm-broker/assemblyscript";

/** Significant digits that surely fit a u64. */
const MAX_DIGITS = 18;

// A decimal number as `read` leaves it: digits × 10^exponent.
let digits: u64 = 0;
let exponent: i32 = 0;
let exact: bool = false;

/**
 * True when a number is a whole multiple of a positive one. Computed on the decimal text, where 0.3 is a multiple of
 * 0.1; with more than 18 digits it is the remainder of the two doubles.
 */
export function isMultiple(value: Json, divisor: Json): bool {
  read(divisor);
  const divisorDigits = digits;
  const divisorExponent = exponent;
  const divisorExact = exact;
  read(value);
  if (!divisorExact || !exact) return value.asNumber() % divisor.asNumber() == 0;
  if (digits == 0) return true;
  // `digits` has no trailing zero, so more decimal places than the divisor's can never be a multiple.
  if (exponent < divisorExponent) return false;
  let remainder = digits % divisorDigits;
  for (let shift = exponent - divisorExponent; shift > 0 && remainder != 0; shift--) {
    remainder = (remainder * 10) % divisorDigits;
  }
  return remainder == 0;
}

/** Splits a number's text into digits without trailing zeros and a power of ten; the sign does not matter here. */
function read(number: Json): void {
  digits = 0;
  exponent = 0;
  let count = 0;
  let inFraction = false;
  let at: usize = number.start;
  for (; at < <usize>number.end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x2d) continue;
    if (byte == 0x2e) inFraction = true;
    else if ((byte | 0x20) == 0x65) break;
    else {
      if (count < MAX_DIGITS) digits = digits * 10 + (byte - 0x30);
      if (digits != 0) count++;
      if (inFraction) exponent--;
    }
  }
  exact = count <= MAX_DIGITS;
  if (at < <usize>number.end) readExponent(at + 1, number.end);
  while (digits != 0 && digits % 10 == 0) {
    digits /= 10;
    exponent++;
  }
}

function readExponent(start: usize, end: usize): void {
  const text = String.UTF8.decodeUnsafe(start, end - start);
  // A longer exponent means zero or more than a double holds: the remainder of the doubles answers that.
  if (text.length > 6) exact = false;
  else exponent += I32.parseInt(text);
}
