import { describe, expect, it } from 'vitest';
import { MeteringError, meter } from '../../src/metering/index.ts';
import { IMMEDIATE, OPCODES, type OpcodeRow, PREFIX_FC, PREFIX_FD } from '../../src/metering/opcodes.ts';
import { leb, oneTyped } from './support/binary.ts';

const TYPES = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f];
const V128 = 0x7b;

const IMMEDIATES: Readonly<Record<number, readonly (readonly number[])[]>> = {
  [IMMEDIATE.none]: [[]],
  [IMMEDIATE.byte]: [[0]],
  [IMMEDIATE.bytes4]: [[0, 0, 0, 0]],
  [IMMEDIATE.bytes8]: [new Array(8).fill(0)],
  [IMMEDIATE.bytes16]: [new Array(16).fill(0)],
  [IMMEDIATE.leb32]: [[0xff, 0xff, 0xff, 0xff, 0x07]],
  [IMMEDIATE.leb64]: [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]],
  [IMMEDIATE.memoryArgument]: [[0, 0x80, 0x01]],
  [IMMEDIATE.memoryArgumentAndLane]: [[0, 0x80, 0x01, 0]],
  [IMMEDIATE.memory]: [[0]],
  [IMMEDIATE.memoryPair]: [[0, 0]],
  [IMMEDIATE.dataAndMemory]: [[0, 0]],
  [IMMEDIATE.index]: [[0]],
  [IMMEDIATE.indexPair]: [[0, 0]],
  [IMMEDIATE.functionIndex]: [[0]],
  [IMMEDIATE.referenceType]: [[0x70], [0x6f]],
};

function encode(opcode: number): number[] {
  if (opcode < PREFIX_FC) return [opcode];
  return opcode < PREFIX_FD ? [0xfc, ...leb(opcode - PREFIX_FC)] : [0xfd, ...leb(opcode - PREFIX_FD)];
}

/** All ways to choose `count` operand types. */
function choices(count: number): number[][] {
  if (count === 0) return [[]];
  return choices(count - 1).flatMap((rest) => TYPES.map((type) => [...rest, type]));
}

/** Every module with the instruction, the given operands as parameters, and the given results. */
function* modules(
  opcode: number,
  immediates: readonly (readonly number[])[],
  pops: number,
  results: number[][],
) {
  for (const params of choices(pops)) {
    const operands = params.flatMap((_, index) => [0x20, index]);
    for (const immediate of immediates) {
      const code = [...operands, ...encode(opcode), ...immediate, 0x0b];
      for (const result of results) yield oneTyped(params, result, code);
    }
  }
}

function resultsOf(row: OpcodeRow): number[][] {
  if (row.pushes === 0) return [[]];
  return row.pushes === 16 ? [[V128]] : TYPES.filter((type) => type !== V128).map((type) => [type]);
}

describe('the opcode table against the engine', () => {
  const rows = OPCODES.filter(
    ({ immediate }) => immediate !== IMMEDIATE.special && immediate !== IMMEDIATE.control,
  );

  for (const row of rows) {
    it(`${row.name}: takes ${row.pops}, leaves ${row.pushes} bytes, has the immediates the engine reads`, () => {
      for (let opcode = row.first; opcode <= row.last; opcode++) {
        let found: Uint8Array<ArrayBuffer> | undefined;
        for (const bytes of modules(opcode, IMMEDIATES[row.immediate] ?? [], row.pops, resultsOf(row))) {
          if (!WebAssembly.validate(bytes)) continue;
          found = bytes;
          break;
        }
        expect(found, `opcode 0x${opcode.toString(16)}`).toBeDefined();
        if (found) expect(WebAssembly.validate(meter(found).bytes)).toBe(true);
      }
    });
  }

  it('has each opcode once', () => {
    const all = OPCODES.flatMap((row) =>
      Array.from({ length: row.last - row.first + 1 }, (_, index) => row.first + index),
    );
    expect(new Set(all).size).toBe(all.length);
  });

  it('lacks no opcode of one byte, 0xFC or 0xFD that the engine takes as plain arithmetic', () => {
    const known = new Set(
      OPCODES.flatMap((row) => Array.from({ length: row.last - row.first + 1 }, (_, i) => row.first + i)),
    );
    for (let opcode = 0; opcode < 0x300; opcode++) {
      if (known.has(opcode) || [0xfb, 0xfc, 0xfd, 0xfe].includes(opcode)) continue;
      for (const pops of [0, 1, 2]) {
        for (const bytes of modules(opcode, [[]], pops, [[], ...TYPES.map((type) => [type])])) {
          if (!WebAssembly.validate(bytes)) continue;
          // What the engine knows beyond the table is refused, never passed through.
          expect(() => meter(bytes), `opcode 0x${opcode.toString(16)}`).toThrow(MeteringError);
        }
      }
    }
  });
});
