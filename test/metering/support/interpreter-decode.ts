/** Decodes the subset of modules that the oracle runs: WebAssembly 1.0, multi-value, sign extension, fill and copy. */

export type Value = number | bigint | null;

export interface Instruction {
  readonly opcode: number;
  /** Index, label or type; for loads and stores `b` is the offset. */
  readonly a: number;
  readonly b: number;
  readonly value: number | bigint | undefined;
  readonly targets: readonly number[];
  readonly params: number;
  readonly results: number;
  /** For block, loop, if and else: where the block ends; for if: where its else is, or its end. */
  end: number;
  otherwise: number;
}

export interface Body {
  /** The zero of each declared local. */
  readonly locals: readonly (number | bigint | null)[];
  readonly results: number;
  readonly code: readonly Instruction[];
}

export interface DecodedModule {
  readonly imports: readonly { module: string; name: string }[];
  readonly exports: ReadonlyMap<string, number>;
  readonly start: number | undefined;
  readonly bodies: readonly Body[];
  readonly globals: readonly Instruction[][];
  readonly memory: { min: number; max: number | undefined } | undefined;
  readonly table: { min: number } | undefined;
  readonly elements: readonly { offset: Instruction[]; functions: number[] }[];
  readonly data: readonly { offset: Instruction[]; bytes: Uint8Array }[];
  signature(functionIndex: number): { params: number; results: number; key: string };
  typeKey(typeIndex: number): string;
}

interface Type {
  params: number[];
  results: number[];
}

class Cursor {
  position: number;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  byte(): number {
    return this.bytes[this.position++] ?? 0;
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  signed(): bigint {
    let value = 0n;
    for (let shift = 0n; ; ) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (byte < 128) return byte & 64 ? value - (1n << shift) : value;
    }
  }

  list<Item>(read: () => Item): Item[] {
    return Array.from({ length: this.unsigned() }, read);
  }

  text(): string {
    const length = this.unsigned();
    this.position += length;
    return new TextDecoder().decode(this.bytes.subarray(this.position - length, this.position));
  }
}

export function decode(bytes: Uint8Array): DecodedModule {
  const sections = new Map<number, Cursor>();
  const cursor = new Cursor(bytes, 8);
  while (cursor.position < bytes.length) {
    const id = cursor.byte();
    const size = cursor.unsigned();
    sections.set(id, new Cursor(bytes, cursor.position));
    cursor.position += size;
  }
  const items = <Item>(id: number, read: (section: Cursor) => Item): Item[] => {
    const section = sections.get(id);
    return section ? section.list(() => read(section)) : [];
  };
  const types = items(1, (section): Type => {
    section.byte();
    return { params: section.list(() => section.byte()), results: section.list(() => section.byte()) };
  });
  const importedTypes: number[] = [];
  const imports = items(2, (section) => {
    const entry = { module: section.text(), name: section.text() };
    if (section.byte() !== 0) throw new Error('the oracle knows imported functions only');
    importedTypes.push(section.unsigned());
    return entry;
  });
  const functionTypes = [...importedTypes, ...items(3, (section) => section.unsigned())];
  const table = items(4, (section) => {
    section.byte();
    return limits(section);
  })[0];
  const memory = items(5, limits)[0];
  const globals = items(6, (section) => {
    section.position += 2;
    return instructions(section, types);
  });
  const exports = new Map<string, number>();
  items(7, (section) => {
    const name = section.text();
    const kind = section.byte();
    const index = section.unsigned();
    if (kind === 0) exports.set(name, index);
  });
  const start = sections.get(8)?.unsigned();
  const elements = items(9, (section) => {
    if (section.unsigned() !== 0) throw new Error('the oracle knows plain element segments only');
    return { offset: instructions(section, types), functions: section.list(() => section.unsigned()) };
  });
  let defined = imports.length;
  const bodies = items(10, (section) => body(section, types, types[functionTypes[defined++] ?? 0]));
  const data = items(11, (section) => {
    if (section.unsigned() !== 0) throw new Error('the oracle knows active data segments only');
    const offset = instructions(section, types);
    const size = section.unsigned();
    section.position += size;
    return { offset, bytes: bytes.subarray(section.position - size, section.position) };
  });
  const typeKey = (index: number): string => JSON.stringify(types[index]);
  const signature = (index: number): { params: number; results: number; key: string } => {
    const type = types[functionTypes[index] ?? 0];
    return {
      params: type?.params.length ?? 0,
      results: type?.results.length ?? 0,
      key: typeKey(functionTypes[index] ?? 0),
    };
  };
  return { imports, exports, start, bodies, globals, memory, table, elements, data, signature, typeKey };
}

function limits(section: Cursor): { min: number; max: number | undefined } {
  const bounded = section.byte() === 1;
  return { min: section.unsigned(), max: bounded ? section.unsigned() : undefined };
}

function body(section: Cursor, types: Type[], type: Type | undefined): Body {
  section.unsigned();
  const locals: (number | bigint | null)[] = [];
  section.list(() => {
    const count = section.unsigned();
    const kind = section.byte();
    const zero = kind === 0x7e ? 0n : kind === 0x70 || kind === 0x6f ? null : 0;
    for (let index = 0; index < count; index++) locals.push(zero);
  });
  return { locals, results: type?.results.length ?? 0, code: instructions(section, types) };
}

/** Decodes up to the `end` that closes the expression, and links blocks with their ends. */
function instructions(section: Cursor, types: Type[]): Instruction[] {
  const code: Instruction[] = [];
  const open: Instruction[] = [];
  for (let depth = 1; depth > 0; ) {
    const instruction = read(section, types);
    const at = code.push(instruction) - 1;
    if (instruction.opcode >= 0x02 && instruction.opcode <= 0x04) {
      depth++;
      open.push(instruction);
    } else if (instruction.opcode === 0x05) {
      const block = open.at(-1);
      if (block) block.otherwise = at;
      open.push(instruction);
    } else if (instruction.opcode === 0x0b) {
      depth--;
      close(open, at);
    }
  }
  return code;
}

function close(open: Instruction[], at: number): void {
  const last = open.pop();
  if (!last) return;
  last.end = at;
  if (last.opcode === 0x05) {
    const block = open.pop();
    if (block) block.end = at;
  } else if (last.opcode === 0x04) {
    last.otherwise = at;
  }
}

function read(section: Cursor, types: Type[]): Instruction {
  let opcode = section.byte();
  if (opcode === 0xfc) opcode = 0x100 + section.unsigned();
  const made = {
    opcode,
    a: 0,
    b: 0,
    value: undefined,
    targets: [],
    params: 0,
    results: 0,
    end: 0,
    otherwise: 0,
  };
  if (opcode >= 0x02 && opcode <= 0x04) return { ...made, ...blockType(section, types) };
  if (opcode === 0x0e)
    return { ...made, targets: [...section.list(() => section.unsigned()), section.unsigned()] };
  if (opcode === 0x11 || opcode === 0x13) {
    const type = section.unsigned();
    return { ...made, a: type, b: section.unsigned() };
  }
  if (opcode === 0x1c) section.list(() => section.byte());
  if ([0x0c, 0x0d, 0x10, 0x12, 0x20, 0x21, 0x22, 0x23, 0x24].includes(opcode))
    return { ...made, a: section.unsigned() };
  if (opcode >= 0x28 && opcode <= 0x3e) return { ...made, a: section.unsigned(), b: section.unsigned() };
  if (opcode === 0x41) return { ...made, value: Number(section.signed()) };
  if (opcode === 0x42) return { ...made, value: section.signed() };
  if (opcode === 0x43 || opcode === 0x44) return { ...made, value: float(section, opcode === 0x43 ? 4 : 8) };
  if (opcode === 0x3f || opcode === 0x40 || opcode === 0x10b) section.byte();
  if (opcode === 0x10a) section.position += 2;
  return made;
}

function blockType(section: Cursor, types: Type[]): { params: number; results: number } {
  const type = section.signed();
  if (type < 0n) return { params: 0, results: type === -64n ? 0 : 1 };
  const used = types[Number(type)];
  return { params: used?.params.length ?? 0, results: used?.results.length ?? 0 };
}

function float(section: Cursor, size: 4 | 8): number {
  section.position += size;
  const view = new DataView(section.bytes.buffer, section.bytes.byteOffset + section.position - size, size);
  return size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
}
