/** True when the number text is an optional minus sign and digits only. */
export function isPlainInteger(start: usize, end: usize): bool {
  if (start < end && load<u8>(start) == 0x2d) start++;
  for (; start < end; start++) {
    if (<u8>(load<u8>(start) - 0x30) > 9) return false;
  }
  return true;
}

/** True when the last `parseInteger` met text that is not a whole number of 64 bits. */
export let integerOverflow: bool = false;

/** A plain integer as i64, exact; sets `integerOverflow` when it does not fit. */
export function parseInteger(start: usize, end: usize): i64 {
  integerOverflow = false;
  const negative = load<u8>(start) == 0x2d;
  if (negative) start++;
  // Collected as a negative number, whose range is the larger one.
  let value: i64 = 0;
  for (; start < end; start++) {
    const digit = <i64>(load<u8>(start) - 0x30);
    if (value < (i64.MIN_VALUE + digit) / 10) {
      integerOverflow = true;
      return 0;
    }
    value = value * 10 - digit;
  }
  if (negative) return value;
  integerOverflow = value == i64.MIN_VALUE;
  return -value;
}
