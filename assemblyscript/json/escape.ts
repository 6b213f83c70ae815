import { ByteBuffer } from "../bytes";

/** Writes a string with its quotes. A lone surrogate is written as its escape, as `JSON.stringify` does. */
export function writeEscaped(target: ByteBuffer, text: string): void {
  target.appendByte(0x22);
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) writeAscii(target, <u8>unit);
    else if (unit < 0x800) {
      const at = target.extend(2);
      store<u8>(at, 0xc0 | (unit >> 6));
      store<u8>(at, 0x80 | (unit & 0x3f), 1);
    } else if ((unit & 0xf800) != 0xd800) {
      const at = target.extend(3);
      store<u8>(at, 0xe0 | (unit >> 12));
      store<u8>(at, 0x80 | ((unit >> 6) & 0x3f), 1);
      store<u8>(at, 0x80 | (unit & 0x3f), 2);
    } else if (startsPair(text, i)) writePair(target, unit, text.charCodeAt(++i));
    else writeUnicodeEscape(target, unit);
  }
  target.appendByte(0x22);
}

@inline
function startsPair(text: string, index: i32): bool {
  return (text.charCodeAt(index) & 0xfc00) == 0xd800
    && index + 1 < text.length
    && (text.charCodeAt(index + 1) & 0xfc00) == 0xdc00;
}

function writePair(target: ByteBuffer, high: i32, low: i32): void {
  const codePoint = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
  const at = target.extend(4);
  store<u8>(at, 0xf0 | (codePoint >> 18));
  store<u8>(at, 0x80 | ((codePoint >> 12) & 0x3f), 1);
  store<u8>(at, 0x80 | ((codePoint >> 6) & 0x3f), 2);
  store<u8>(at, 0x80 | (codePoint & 0x3f), 3);
}

@inline
function writeAscii(target: ByteBuffer, byte: u8): void {
  if (byte >= 0x20 && byte != 0x22 && byte != 0x5c) target.appendByte(byte);
  else writeShortEscape(target, byte);
}

function writeShortEscape(target: ByteBuffer, byte: u8): void {
  let letter: u8 = 0;
  if (byte == 0x22 || byte == 0x5c) letter = byte;
  else if (byte == 0x0a) letter = 0x6e;
  else if (byte == 0x09) letter = 0x74;
  else if (byte == 0x0d) letter = 0x72;
  else if (byte == 0x08) letter = 0x62;
  else if (byte == 0x0c) letter = 0x66;
  if (letter == 0) {
    writeUnicodeEscape(target, byte);
    return;
  }
  target.appendByte(0x5c);
  target.appendByte(letter);
}

function writeUnicodeEscape(target: ByteBuffer, unit: i32): void {
  target.appendByte(0x5c);
  target.appendByte(0x75);
  for (let shift = 12; shift >= 0; shift -= 4) {
    const digit = <u8>((unit >> shift) & 15);
    target.appendByte(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}
