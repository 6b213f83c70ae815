import { bytesEqual } from "../bytes";

const BACKSLASH: u8 = 0x5c;

/** Text of a string node; `escaped` says whether it contains escapes. The parser has checked both. */
export function decodeText(start: usize, end: usize, escaped: bool): string {
  return escaped ? unescape(start, end) : String.UTF8.decodeUnsafe(start, end - start);
}

/** Number of Unicode code points; a lone surrogate counts as one. */
export function codePointCount(start: usize, end: usize, escaped: bool): i32 {
  if (escaped) return codePointsOf(unescape(start, end));
  let count = 0;
  for (; start < end; start++) count += i32((load<u8>(start) & 0xc0) != 0x80);
  return count;
}

function codePointsOf(text: string): i32 {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const pair = (text.charCodeAt(i) & 0xfc00) == 0xd800 && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) == 0xdc00;
    if (pair) i++;
    count++;
  }
  return count;
}

/** Compares the text of a string node with a string, without allocating for ASCII. */
export function textEquals(start: usize, end: usize, escaped: bool, text: string): bool {
  if (escaped) return unescape(start, end) == text;
  const length = <i32>(end - start);
  if (length < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = load<u8>(start + i);
    if (byte >= 0x80) return utf8Equals(start, length, text);
    if (byte != text.charCodeAt(i)) return false;
  }
  return length == text.length;
}

function utf8Equals(start: usize, length: i32, text: string): bool {
  const encoded = String.UTF8.encode(text);
  return encoded.byteLength == length && bytesEqual(start, changetype<usize>(encoded), length);
}

/** Resolves escapes. Surrogate pairs written as two escapes become one character; lone surrogates stay as they are. */
function unescape(start: usize, end: usize): string {
  // Resolving never makes text longer, in UTF-16 units against UTF-8 bytes.
  const units = heap.alloc((end - start) << 1);
  let target = units;
  while (start < end) {
    const escape = findBackslash(start, end);
    target += decodeRun(start, escape, target);
    start = escape;
    if (start == end) break;
    const letter = load<u8>(start + 1);
    if (letter == 0x75) {
      store<u16>(target, hex4(start + 2));
      start += 6;
    } else {
      store<u16>(target, escapedCharacter(letter));
      start += 2;
    }
    target += 2;
  }
  const text = String.UTF16.decodeUnsafe(units, target - units);
  heap.free(units);
  return text;
}

function findBackslash(start: usize, end: usize): usize {
  while (start < end && load<u8>(start) != BACKSLASH) start++;
  return start;
}

/** Copies UTF-8 without escapes as UTF-16; returns the number of bytes written. */
function decodeRun(start: usize, end: usize, target: usize): usize {
  const text = String.UTF8.decodeUnsafe(start, end - start);
  const bytes = <usize>text.length << 1;
  memory.copy(target, changetype<usize>(text), bytes);
  return bytes;
}

function escapedCharacter(letter: u8): u16 {
  switch (letter) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return letter;
  }
}

function hex4(start: usize): u16 {
  let value: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const digit = load<u8>(start + i);
    value = (value << 4) | (digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57);
  }
  return <u16>value;
}
