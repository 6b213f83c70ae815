/** Custom section with what a compiled handler was built from. */
export const SOURCE_SECTION = 'tasker.source';
/** Custom section with what a module claims to be; written by the compiler transform. */
export const MANIFEST_SECTION = 'tasker.manifest';

const CUSTOM_SECTION_ID = 0;
const PREAMBLE_BYTES = 8;

/** The module with one more custom section at its end. */
export function appendCustomSection(module: Uint8Array, name: string, text: string): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const nameBytes = encoder.encode(name);
  const payload = concat(encodeLeb128(nameBytes.length), nameBytes, encoder.encode(text));
  return concat(module, Uint8Array.of(CUSTOM_SECTION_ID), encodeLeb128(payload.length), payload);
}

/** Text of the first custom section with this name; null when there is none or the bytes are not a module. */
export function readCustomSection(module: Uint8Array, name: string): string | null {
  // untrusted: any bytes; every length is checked against the end before it is used
  const cursor = { bytes: module, at: PREAMBLE_BYTES };
  while (cursor.at < module.length) {
    const id = module[cursor.at++];
    const length = readLeb128(cursor);
    const end = cursor.at + length;
    if (end > module.length) return null;
    if (id === CUSTOM_SECTION_ID) {
      const nameLength = readLeb128(cursor);
      const nameEnd = cursor.at + nameLength;
      if (nameEnd > end) return null;
      if (decode(module.subarray(cursor.at, nameEnd)) === name) return decode(module.subarray(nameEnd, end));
    }
    cursor.at = end;
  }
  return null;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function encodeLeb128(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Unsigned LEB128 of at most five bytes; a byte beyond the end reads as zero. */
function readLeb128(cursor: { readonly bytes: Uint8Array; at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return value;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
