import type { Reader } from './reader.ts';
import { readNullType } from './types.ts';
import { refusedOpcode } from './unsupported.ts';

/** Index spaces a constant expression may refer to. */
export interface ConstantScope {
  readonly globals: number;
  readonly functions: number;
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
        checkIndex(reader, reader.u32(), scope.globals, 'global');
        break;
      case 0xd0:
        readNullType(reader);
        break;
      case 0xd2:
        checkIndex(reader, reader.u32(), scope.functions, 'function');
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

/** Refuses an index outside its space. */
export function checkIndex(reader: Reader, index: number, count: number, space: string): number {
  if (index >= count)
    throw reader.malformed('malformed-index', `${space} ${index} of ${count} does not exist`);
  return index;
}
