import { BrokerError } from '../../../errors.ts';

/** `\0asm`, version 13, layer 1: a component (Component Model, "Binary Format"). */
const COMPONENT_PREAMBLE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
const CORE_MODULE_SECTION = 1;
const COMPONENT_SECTION = 4;
const CANON_SECTION = 8;
const NESTING_MAX = 16;

export function isComponent(bytes: Uint8Array): boolean {
  return COMPONENT_PREAMBLE.every((byte, index) => bytes[index] === byte);
}

/** What a look at a component's sections finds, in it and in those nested in it. */
export interface ComponentSections {
  readonly coreModules: readonly Uint8Array[];
  /** Contents of the sections of canonical functions. */
  readonly canons: readonly Uint8Array[];
}

// untrusted: any bytes; every length is checked against the end before it is used
/** Throws ERR_MODULE_MALFORMED. */
export function sectionsOf(component: Uint8Array): ComponentSections {
  const found = { coreModules: [] as Uint8Array[], canons: [] as Uint8Array[] };
  collect(component, 0, found);
  return found;
}

function collect(
  component: Uint8Array,
  depth: number,
  found: { readonly coreModules: Uint8Array[]; readonly canons: Uint8Array[] },
): void {
  if (!isComponent(component) || depth > NESTING_MAX) throw malformed('a nested component is none');
  let at = COMPONENT_PREAMBLE.length;
  while (at < component.length) {
    const id = component[at];
    const [length, start] = readU32(component, at + 1);
    const end = start + length;
    if (end > component.length) throw malformed('a section reaches beyond its end');
    const content = component.subarray(start, end);
    if (id === CORE_MODULE_SECTION) found.coreModules.push(content);
    if (id === CANON_SECTION) found.canons.push(content);
    if (id === COMPONENT_SECTION) collect(content, depth + 1, found);
    at = end;
  }
}

/** An unsigned LEB128 of 32 bits, and where it ends. */
export function readU32(bytes: Uint8Array, start: number): [length: number, end: number] {
  let value = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = byteAt(bytes, start + index);
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return [value, start + index + 1];
  }
  throw malformed('a number has more than 32 bits');
}

/** A byte that has to be there. */
export function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw malformed('it ends too early');
  return byte;
}

function malformed(why: string): BrokerError {
  return new BrokerError('ERR_MODULE_MALFORMED', `the component cannot be read: ${why}`);
}
