import type { Reader } from './reader.ts';
import type { IndexReference } from './skeleton.ts';
import { readNullType } from './types.ts';
import { refusedOpcode } from './unsupported.ts';

/** Index spaces a constant expression may refer to. */
export interface ConstantScope {
  readonly globals: number;
  readonly functions: number;
  /** Where the expression's own references are noted. */
  readonly referenced: Set<number>;
  readonly globalReferences: IndexReference[];
}

/**
 * Passes over a constant expression, extended ones (add, sub, mul) included. Every index is checked: metering adds
 * globals, and one that was out of range before must not become a way to read them.
 */
export function skipConstantExpression(reader: Reader, scope: ConstantScope): void {
  for (;;) {
    const offset = reader.position;
    const opcode = reader.byte();
    switch (opcode) {
      case 0x0b:
        return;
      case 0x41:
        reader.skipLeb(5);
        break;
      case 0x42:
        reader.skipLeb(10);
        break;
      case 0x43:
        reader.skip(4);
        break;
      case 0x44:
        reader.skip(8);
        break;
      case 0x23:
        noteGlobal(reader, scope.globals, scope.globalReferences);
        break;
      case 0xd0:
        readNullType(reader);
        break;
      case 0xd2:
        scope.referenced.add(checkIndex(reader, reader.u32(), scope.functions, 'function'));
        break;
      case 0x6a:
      case 0x6b:
      case 0x6c:
      case 0x7c:
      case 0x7d:
      case 0x7e:
        break;
      case 0xfd:
        if (reader.u32() !== 12) throw reader.malformed('malformed-constant', 'expected v128.const');
        reader.skip(16);
        break;
      case 0xfb:
      case 0xfe:
        throw refusedOpcode(opcode, offset);
      default:
        throw reader.malformed('malformed-constant', `opcode 0x${opcode.toString(16)} is not constant`);
    }
  }
}

/** Reads the index of a global and notes where it is. */
export function noteGlobal(reader: Reader, count: number, references: IndexReference[]): number {
  const start = reader.position;
  const index = checkIndex(reader, reader.u32(), count, 'global');
  references.push({ index, start, end: reader.position });
  return index;
}

/** Refuses an index outside its space. */
export function checkIndex(reader: Reader, index: number, count: number, space: string): number {
  if (index >= count)
    throw reader.malformed('malformed-index', `${space} ${index} of ${count} does not exist`);
  return index;
}
