import { MeteringError, type MeteringErrorCode } from './errors.ts';
import { PREFIX_FC, PREFIX_FD } from './opcodes.ts';

/** One-byte opcodes of features that are refused, and the prefixes of whole proposals. */
const REFUSED_OPCODES: readonly (readonly [first: number, last: number, code: MeteringErrorCode])[] = [
  [0x14, 0x15, 'unsupported-function-references'],
  [0xd3, 0xd3, 'unsupported-gc'],
  [0xd4, 0xd6, 'unsupported-function-references'],
  [0xe0, 0xe6, 'unsupported-stack-switching'],
  [0xfb, 0xfb, 'unsupported-gc'],
  [0xfe, 0xfe, 'unsupported-threads'],
];

/** Bytes where a value type is expected that belong to refused features. */
const REFUSED_TYPES: readonly (readonly [first: number, last: number, code: MeteringErrorCode])[] = [
  [0x68, 0x68, 'unsupported-stack-switching'],
  [0x74, 0x74, 'unsupported-gc'],
  [0x75, 0x75, 'unsupported-stack-switching'],
  [0x5d, 0x5d, 'unsupported-stack-switching'],
  [0x4e, 0x50, 'unsupported-gc'],
  [0x5e, 0x5f, 'unsupported-gc'],
  [0x63, 0x65, 'unsupported-gc'],
  [0x6a, 0x6e, 'unsupported-gc'],
  [0x71, 0x73, 'unsupported-gc'],
];

/** The error for an opcode that is not in the table. Prefixed opcodes come as `PREFIX_… + sub`. */
export function refusedOpcode(opcode: number, offset: number): MeteringError {
  if (opcode < PREFIX_FC) {
    const refused = REFUSED_OPCODES.find(([first, last]) => opcode >= first && opcode <= last);
    if (refused)
      return new MeteringError(refused[2], `opcode 0x${opcode.toString(16)} is not supported`, offset);
    return new MeteringError('malformed-opcode', `unknown opcode 0x${opcode.toString(16)}`, offset);
  }
  if (opcode < PREFIX_FD) {
    return new MeteringError('malformed-opcode', `unknown opcode 0xfc ${opcode - PREFIX_FC}`, offset);
  }
  return new MeteringError('malformed-opcode', `unknown opcode 0xfd ${opcode - PREFIX_FD}`, offset);
}

/** The error for a byte that is no supported type. */
export function refusedType(byte: number, offset: number): MeteringError {
  const refused = REFUSED_TYPES.find(([first, last]) => byte >= first && byte <= last);
  if (refused) return new MeteringError(refused[2], `type 0x${byte.toString(16)} is not supported`, offset);
  return new MeteringError('malformed-type', `expected a type, got 0x${byte.toString(16)}`, offset);
}
