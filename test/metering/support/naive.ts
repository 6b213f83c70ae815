/**
 * The other oracle: the naive instrumentation, which adds to a global before every single instruction. Slow and far too
 * large, but simple, and it runs whatever an engine runs. Shares nothing with the rewriter but the published numbers.
 */
import { COST_TABLE } from '../../../src/metering/index.ts';
import { cost } from './interpreter-costs.ts';
import { Cursor, immediates, opcodeOf } from './naive-decode.ts';

/** Exported mutable i64 global that counts up from 0, and the former start function. */
export const NAIVE_FUEL = 'naive:fuel';
export const NAIVE_START = 'naive:start';

interface Limits {
  readonly wide: boolean;
  readonly max: number | undefined;
}

/** What the instrumentation has to know of the module. */
interface Module {
  readonly memories: Limits[];
  readonly tables: Limits[];
  /** Number of parameters of each type, and the type of each defined function. */
  readonly parameters: number[];
  readonly functions: number[];
  globals: number;
  start: number | undefined;
}

export function naive(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const sections = split(bytes);
  const module = survey(sections);
  const out: number[] = [...bytes.subarray(0, 8)];
  const write = (id: number, content: readonly number[]): void => {
    out.push(id, ...leb(content.length));
    for (const byte of content) out.push(byte);
  };
  const added = [
    { id: 6, content: extend(sections.get(6), [[0x7e, 1, 0x42, 0, 0x0b]]) },
    { id: 7, content: extend(sections.get(7), exportsOf(module)) },
  ];
  for (const id of [1, 2, 3, 4, 5, 13, 6, 7, 9, 12, 10, 11]) {
    const extra = added.find((item) => item.id === id);
    const section = sections.get(id);
    if (extra) write(id, extra.content);
    else if (section && id === 10) write(id, code(section, module));
    else if (section) write(id, [...section]);
  }
  return Uint8Array.from(out);
}

function exportsOf(module: Module): number[][] {
  const fuel = [...name(NAIVE_FUEL), 3, ...leb(module.globals)];
  return module.start === undefined ? [fuel] : [fuel, [...name(NAIVE_START), 0, ...leb(module.start)]];
}

function split(bytes: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  const cursor = new Cursor(bytes, 8);
  while (cursor.position < bytes.length) {
    const id = cursor.byte();
    const size = cursor.number();
    if (id !== 0) sections.set(id, bytes.subarray(cursor.position, cursor.position + size));
    cursor.position += size;
  }
  return sections;
}

function survey(sections: ReadonlyMap<number, Uint8Array>): Module {
  const module: Module = {
    memories: [],
    tables: [],
    parameters: [],
    functions: [],
    globals: 0,
    start: undefined,
  };
  const each = (id: number, read: (cursor: Cursor) => void): void => {
    const section = sections.get(id);
    if (!section) return;
    const cursor = new Cursor(section);
    cursor.times(cursor.number(), () => read(cursor));
  };
  const table = (cursor: Cursor): void => {
    cursor.byte();
    module.tables.push(limits(cursor));
  };
  each(1, (cursor) => {
    cursor.byte();
    const params = cursor.number();
    module.parameters.push(params);
    cursor.position += params;
    const results = cursor.number();
    cursor.position += results;
  });
  each(2, (cursor) => {
    cursor.skipName();
    cursor.skipName();
    const kind = cursor.byte();
    if (kind === 0) cursor.number();
    else if (kind === 1) table(cursor);
    else if (kind === 2) module.memories.push(limits(cursor));
    else {
      cursor.position += 2;
      if (kind === 3) module.globals++;
    }
  });
  each(3, (cursor) => module.functions.push(cursor.number()));
  each(4, table);
  each(5, (cursor) => module.memories.push(limits(cursor)));
  const globals = sections.get(6);
  if (globals) module.globals += new Cursor(globals).number();
  const start = sections.get(8);
  if (start) module.start = new Cursor(start).number();
  return module;
}

function limits(cursor: Cursor): Limits {
  const flags = cursor.byte();
  cursor.number();
  return { wide: (flags & 4) !== 0, max: (flags & 1) !== 0 ? cursor.number() : undefined };
}

function code(section: Uint8Array, module: Module): number[] {
  const cursor = new Cursor(section);
  const count = cursor.number();
  const out = [...leb(count)];
  for (let index = 0; index < count; index++) {
    const size = cursor.number();
    const body = section.subarray(cursor.position, cursor.position + size);
    const written = instrumented(body, module, module.parameters[module.functions[index] ?? 0] ?? 0);
    out.push(...leb(written.length));
    for (const byte of written) out.push(byte);
    cursor.position += size;
  }
  return out;
}

function instrumented(body: Uint8Array, module: Module, parameters: number): number[] {
  const cursor = new Cursor(body);
  const groups = cursor.number();
  const first = cursor.position;
  let locals = 0;
  cursor.times(groups, () => {
    locals += cursor.number();
    cursor.byte();
  });
  const narrow = parameters + locals;
  // Two locals more, for lengths of 32 and of 64 bits.
  const out = [...leb(groups + 2), ...body.subarray(first, cursor.position), 1, 0x7f, 1, 0x7e];
  const add = (amount: readonly number[]): void => {
    out.push(0x23, ...leb(module.globals), ...amount, 0x7c, 0x24, ...leb(module.globals));
  };
  if (locals >= COST_TABLE.localsPerUnit)
    add([0x42, ...signed(Math.floor(locals / COST_TABLE.localsPerUnit))]);
  while (cursor.position < body.length) {
    const start = cursor.position;
    const opcode = opcodeOf(cursor);
    const indices = immediates(cursor, opcode);
    const fixed = cost(opcode);
    if (fixed > 0) add([0x42, ...signed(fixed)]);
    const length = lengthCost(opcode, indices, module);
    if (length) {
      const local = length.wide ? narrow + 1 : narrow;
      out.push(0x22, ...leb(local));
      add(length.amount([0x20, ...leb(local), ...(length.wide ? [] : [0xad])]));
    }
    out.push(...body.subarray(start, cursor.position));
  }
  return out;
}

/** Instructions that leave the part of a cost that depends on a length, given those that push the length as an i64. */
interface LengthPart {
  readonly wide: boolean;
  amount(length: readonly number[]): number[];
}

const NAMES: Readonly<Record<number, keyof typeof COST_TABLE.lengths>> = {
  64: 'memory.grow',
  264: 'memory.init',
  266: 'memory.copy',
  267: 'memory.fill',
  268: 'table.init',
  270: 'table.copy',
  271: 'table.grow',
  273: 'table.fill',
};

/** Lengths and sizes beyond this are not told apart: no engine has that much. */
const [MOST_BYTES, MOST_PAGES, MOST_ELEMENTS] = [2 ** 48, 2 ** 32, 2 ** 32 - 1];

function lengthCost(opcode: number, indices: readonly number[], module: Module): LengthPart | undefined {
  const kind = NAMES[opcode];
  if (kind === undefined) return undefined;
  const rate = COST_TABLE.lengths[kind];
  const priced = (length: readonly number[]): number[] => [
    ...[...length, 0x42, ...signed(rate.multiplier), 0x7e],
    ...[0x42, ...signed(rate.shift), 0x88],
  ];
  const space = kind.startsWith('memory') ? module.memories : module.tables;
  if (opcode === 0x40 || opcode === 0x10f) {
    const [index = 0] = indices;
    const { wide, max } = space[index] ?? { wide: false, max: undefined };
    const most =
      kind === 'memory.grow'
        ? Math.min(max ?? (wide ? MOST_PAGES : 65_536), MOST_PAGES)
        : Math.min(max ?? MOST_ELEMENTS, MOST_ELEMENTS);
    const size = [...(opcode === 0x40 ? [0x3f] : [0xfc, 16]), ...leb(index), ...(wide ? [] : [0xad])];
    // delta if delta ≤ most − size, else 0
    const allowed = [0x42, ...signed(most), ...size, 0x7d];
    return {
      wide,
      amount: (length) => priced([...length, 0x42, 0, ...length, ...allowed, 0x58, 0x1b]),
    };
  }
  const wide = lengthIsWide(opcode, indices, space);
  const cap = kind.startsWith('memory') ? MOST_BYTES : MOST_ELEMENTS;
  const capped = (length: readonly number[]): number[] =>
    wide ? [...length, 0x42, ...signed(cap), ...length, 0x42, ...signed(cap), 0x54, 0x1b] : [...length];
  return { wide, amount: (length) => priced(capped(length)) };
}

/** fill: as its space; copy: only if both are wide; init: never. */
function lengthIsWide(opcode: number, indices: readonly number[], space: readonly Limits[]): boolean {
  if (opcode === 0x108 || opcode === 0x10c) return false;
  return indices.every((index) => space[index]?.wide === true);
}

function extend(section: Uint8Array | undefined, items: readonly number[][]): number[] {
  if (!section) return [...leb(items.length), ...items.flat()];
  const cursor = new Cursor(section);
  const count = cursor.number();
  return [...leb(count + items.length), ...section.subarray(cursor.position), ...items.flat()];
}

const name = (text: string): number[] => [text.length, ...new TextEncoder().encode(text)];

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...leb(Math.floor(value / 128))];
}

/** A signed LEB128 of a number from 0 to 2⁵³. */
function signed(value: number): number[] {
  return value < 64 ? [value] : [(value % 128) | 128, ...signed(Math.floor(value / 128))];
}
