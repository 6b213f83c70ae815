/** The lengths of instructions, for the naive instrumentation: a decoder of its own, by the specification's appendix. */

export class Cursor {
  readonly bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  byte(): number {
    return this.bytes[this.position++] ?? 0;
  }

  /** A LEB128 number. Exact up to 2⁵³, which is enough for indices and limits. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  skipName(): void {
    const length = this.number();
    this.position += length;
  }

  times(count: number, read: () => void): void {
    for (let index = 0; index < count; index++) read();
  }
}

/** Folds prefixes: 0xFC n → 0x100 + n, 0xFD n → 0x200 + n. */
export function opcodeOf(cursor: Cursor): number {
  const byte = cursor.byte();
  if (byte === 0xfc) return 0x100 + cursor.number();
  if (byte === 0xfd) return 0x200 + cursor.number();
  return byte;
}

const ONE_NUMBER = new Set([
  0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x12, 0x18, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41,
  0x42, 0xd0, 0xd2, 0x109, 0x10b, 0x10d, 0x10f, 0x110, 0x111,
]);
const TWO_NUMBERS = new Set([0x11, 0x13, 0x108, 0x10a, 0x10c, 0x10e]);

/** Passes over the immediates of an instruction and returns those that are indices or plain numbers. */
export function immediates(cursor: Cursor, opcode: number): number[] {
  if (ONE_NUMBER.has(opcode)) return [cursor.number()];
  if (TWO_NUMBERS.has(opcode)) return [cursor.number(), cursor.number()];
  if (opcode === 0x02 || opcode === 0x03 || opcode === 0x04 || opcode === 0x06) cursor.number();
  else if (opcode === 0x1f) tryTable(cursor);
  else if (opcode === 0x0e) cursor.times(cursor.number() + 1, () => cursor.number());
  else if (opcode === 0x1c) cursor.times(cursor.number(), () => cursor.byte());
  else if (opcode === 0x43) cursor.position += 4;
  else if (opcode === 0x44) cursor.position += 8;
  else if (opcode >= 0x28 && opcode <= 0x3e) memoryArgument(cursor);
  else if (opcode >= 0x200) vectorImmediates(cursor, opcode - 0x200);
  return [];
}

function tryTable(cursor: Cursor): void {
  cursor.number();
  cursor.times(cursor.number(), () => {
    const kind = cursor.byte();
    if (kind < 2) cursor.number();
    cursor.number();
  });
}

function vectorImmediates(cursor: Cursor, sub: number): void {
  if (sub <= 11 || sub === 92 || sub === 93) memoryArgument(cursor);
  else if (sub === 12 || sub === 13) cursor.position += 16;
  else if (sub >= 21 && sub <= 34) cursor.position += 1;
  else if (sub >= 84 && sub <= 91) {
    memoryArgument(cursor);
    cursor.position += 1;
  }
}

function memoryArgument(cursor: Cursor): void {
  if ((cursor.number() & 0x40) !== 0) cursor.number();
  cursor.number();
}
