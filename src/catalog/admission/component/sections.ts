import { BrokerError } from '../../../errors.ts';

/** `\0asm`, version 13, layer 1: a component (Component Model, "Binary Format"). */
const COMPONENT_PREAMBLE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
const CORE_MODULE_SECTION = 1;
const COMPONENT_SECTION = 4;
const NESTING_MAX = 16;

export function isComponent(bytes: Uint8Array): boolean {
  return COMPONENT_PREAMBLE.every((byte, index) => bytes[index] === byte);
}

// untrusted: any bytes; every length is checked against the end before it is used
/** The core modules of a component and of those nested in it. Throws ERR_MODULE_MALFORMED. */
export function coreModulesOf(component: Uint8Array, depth = 0): Uint8Array[] {
  if (!isComponent(component) || depth > NESTING_MAX) throw malformed('a nested component is none');
  const modules: Uint8Array[] = [];
  let at = COMPONENT_PREAMBLE.length;
  while (at < component.length) {
    const id = component[at];
    const [length, start] = readLength(component, at + 1);
    const end = start + length;
    if (end > component.length) throw malformed('a section reaches beyond its end');
    const content = component.subarray(start, end);
    if (id === CORE_MODULE_SECTION) modules.push(content);
    if (id === COMPONENT_SECTION) modules.push(...coreModulesOf(content, depth + 1));
    at = end;
  }
  return modules;
}

/** An unsigned LEB128 of 32 bits, and where it ends. */
function readLength(bytes: Uint8Array, start: number): [length: number, end: number] {
  let value = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[start + index] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return [value, start + index + 1];
  }
  throw malformed('the length of a section is no 32-bit number');
}

function malformed(why: string): BrokerError {
  return new BrokerError('ERR_MODULE_MALFORMED', `the component cannot be read: ${why}`);
}
