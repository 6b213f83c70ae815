/**
 * Correctly rounded decimal to binary conversion in arbitrary precision: the significand becomes a big integer, is
 * multiplied by a power of ten or (shifted far enough left) divided by one, and its top bits are rounded once.
 * Division by 10^m goes 10^9 at a time; `inexact` remembers every remainder, so the result is exact to the last bit.
 */

/**
 * Significant digits that are read; any further digit can only break a tie, so `inexact` stands for the rest. A tie
 * between two doubles has at most 767 significant digits.
 */
const MAX_DIGITS = 800;
const BILLION: u64 = 1_000_000_000;
/** Values of 10^310 and more are infinite, below 10^-345 zero. */
const MAX_DECIMAL_POINT = 310;
const MIN_DECIMAL_POINT = -345;
/**
 * 32-bit digits, least significant first. Most are needed for MAX_DIGITS digits divided by 10^(800 + 345):
 * 66 quotient bits and 3,804 divisor bits are 121 digits.
 */
const MAX_LIMBS = 160;
const limbs: usize = memory.data(MAX_LIMBS * 4, 8);
let limbCount: i32 = 0;
let inexact: bool = false;
let digitCount: i32 = 0;
let digitsAfterCut: i32 = 0;

/**
 * The double nearest to a significand (digits with at most one point) times a power of ten. `exponent10` belongs to
 * the first 19 significant digits taken as an integer, as number-parse.ts computes it.
 */
export function decimalToDouble(start: usize, end: usize, exponent10: i32): f64 {
  readDigits(start, end);
  if (limbCount == 0) return 0;
  const exponent = exponent10 + min(digitCount + digitsAfterCut, 19) - digitCount;
  const decimalPoint = digitCount + exponent;
  if (decimalPoint > MAX_DECIMAL_POINT) return Infinity;
  if (decimalPoint < MIN_DECIMAL_POINT) return 0;
  if (exponent >= 0) {
    multiplyByPowerOfTen(exponent);
    return roundToDouble(0);
  }
  // log2(10) < 3.3220: enough bits that the quotient keeps more than 64.
  const shift = max(0, 66 - bitLength() + <i32>(<i64>-exponent * 33220 / 10000));
  shiftLeft(shift);
  divideByPowerOfTen(-exponent);
  return roundToDouble(-shift);
}

/** Reads up to MAX_DIGITS significant digits into the big integer. */
function readDigits(start: usize, end: usize): void {
  limbCount = 0;
  digitCount = 0;
  digitsAfterCut = 0;
  inexact = false;
  for (; start < end; start++) {
    const byte = load<u8>(start);
    if (byte == 0x2e || (digitCount == 0 && byte == 0x30)) continue;
    if (digitCount < MAX_DIGITS) {
      digitCount++;
      multiplyAdd(10, byte - 0x30);
    } else {
      digitsAfterCut++;
      if (byte != 0x30) inexact = true;
    }
  }
}

@inline
function limb(index: i32): u32 {
  return load<u32>(limbs + (<usize>index << 2));
}

@inline
function setLimb(index: i32, value: u32): void {
  store<u32>(limbs + (<usize>index << 2), value);
}

function multiplyAdd(factor: u64, addend: u64): void {
  let carry = addend;
  for (let i = 0; i < limbCount; i++) {
    carry += <u64>limb(i) * factor;
    setLimb(i, <u32>carry);
    carry >>= 32;
  }
  if (carry != 0) setLimb(limbCount++, <u32>carry);
}

function multiplyByPowerOfTen(power: i32): void {
  for (; power >= 9; power -= 9) multiplyAdd(BILLION, 0);
  for (; power > 0; power--) multiplyAdd(10, 0);
}

function divideByPowerOfTen(power: i32): void {
  for (; power >= 9; power -= 9) divide(BILLION);
  for (; power > 0; power--) divide(10);
}

function divide(divisor: u64): void {
  let remainder: u64 = 0;
  for (let i = limbCount - 1; i >= 0; i--) {
    const dividend = (remainder << 32) | <u64>limb(i);
    setLimb(i, <u32>(dividend / divisor));
    remainder = dividend % divisor;
  }
  if (remainder != 0) inexact = true;
  while (limbCount > 0 && limb(limbCount - 1) == 0) limbCount--;
}

function shiftLeft(bits: i32): void {
  const wholeLimbs = bits >> 5;
  if (wholeLimbs > 0) {
    memory.copy(limbs + (<usize>wholeLimbs << 2), limbs, <usize>limbCount << 2);
    memory.fill(limbs, 0, <usize>wholeLimbs << 2);
    limbCount += wholeLimbs;
  }
  multiplyAdd(<u64>1 << (bits & 31), 0);
}

function bitLength(): i32 {
  return limbCount * 32 - <i32>clz(limb(limbCount - 1));
}

/** Rounds (big integer) × 2^exponent2, ties to even. */
function roundToDouble(exponent2: i32): f64 {
  const bits = bitLength();
  const significand = topBits(bits);
  const exponent = bits - 1 + exponent2;
  if (exponent > 1023) return Infinity;
  // A double has 53 bits, fewer below 2^-1022.
  const subnormal = exponent < -1022;
  const dropped = subnormal ? 11 - 1022 - exponent : 11;
  if (dropped > 64) return 0;
  let kept = dropped == 64 ? 0 : significand >> dropped;
  const rest = dropped == 64 ? significand : significand & ((<u64>1 << dropped) - 1);
  const half = <u64>1 << (dropped - 1);
  if (rest > half || (rest == half && (inexact || (kept & 1) != 0))) kept++;
  // The hidden bit of `kept` adds one to the exponent field, and so does a carry out of rounding.
  return reinterpret<f64>(subnormal ? kept : (<u64>(exponent + 1022) << 52) + kept);
}

/** The top 64 bits, the highest one set; lower ones that are not zero set `inexact`. */
function topBits(bits: i32): u64 {
  let top: u64 = 0;
  for (let bit = 0; bit < 3; bit++) {
    const index = limbCount - 1 - bit;
    const value: u64 = index >= 0 ? limb(index) : 0;
    const shift = 64 - (bits - (limbCount - 1) * 32) - bit * 32;
    if (shift >= 0) top |= value << shift;
    else {
      top |= value >> -shift;
      if ((value & ((<u64>1 << -shift) - 1)) != 0) inexact = true;
    }
  }
  for (let index = limbCount - 4; index >= 0; index--) {
    if (limb(index) != 0) inexact = true;
  }
  return top;
}
