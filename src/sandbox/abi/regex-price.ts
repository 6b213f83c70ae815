/*
 * What a regular expression costs, known before anything is done with it. Measured with re2js 2.10 on V8 14, worst cases:
 * compiling takes 8 µs an instruction of the program (counted repetitions multiply them) and 0.4 ms a Unicode class
 * under (?i); matching takes 43 ns a byte and instruction. A unit of fuel is about a nanosecond.
 */

const COMPILE_FUEL_PER_INSTRUCTION = 8_000;
const COMPILE_FUEL_PER_UNICODE_CLASS = 400_000;
const MATCH_FUEL_PER_BYTE_AND_INSTRUCTION = 32;

export const PATTERN_BYTES_MAX = 1024;
/** A program of this size compiles in 160 ms. */
export const PROGRAM_SIZE_MAX = 20_000;
/** re2's own bound for nested repetitions. */
const REPEAT_MAX = 1000;

/** At least as many instructions as the program of `pattern` will have: one a character, repeated as often as it can be. */
export function programBound(pattern: string): number {
  let single = pattern.length;
  let nested = 1;
  for (const { 1: before = '', 2: least = '0', 3: most } of pattern.matchAll(/(.?)\{(\d+)(?:,(\d*))?\}/gsu)) {
    const count = Math.min(REPEAT_MAX, Math.max(Number(least), Number(most || least), 1) + 1);
    // Only a group repeats more than one character; whether this is one is not looked at closer.
    if (before === ')') nested = Math.min(REPEAT_MAX, nested * count);
    else single += count;
  }
  return single * nested;
}

/** Fuel to compile `pattern`. */
export function compilePrice(pattern: string): number {
  const unicodeClasses = pattern.match(/\\p/gi)?.length ?? 0;
  return (
    programBound(pattern) * COMPILE_FUEL_PER_INSTRUCTION + unicodeClasses * COMPILE_FUEL_PER_UNICODE_CLASS
  );
}

/** Fuel to run a program of `size` instructions over `bytes` of text. */
export function matchPrice(size: number, bytes: number): number {
  return size * (bytes + 1) * MATCH_FUEL_PER_BYTE_AND_INSTRUCTION;
}
