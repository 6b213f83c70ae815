/**
 * Runs in a lane's thread: modules of `assemblyscript/1`, through the loader that comes with the compiler. What it reads
 * and calls was chosen by the guest, so that admission leaves it no export but a literal list, it gets an object of
 * imports of its own (it adds a clock and randomness to the one it is given), and every header is checked before it
 * follows it: it believes lengths.
 */
import { instantiateSync } from '@assemblyscript/loader';
import { PLAIN_ENTRY } from '../../model/abi.ts';
import { outputTooLarge } from './acts.ts';
import type { GuestInstance } from './guest-instance.ts';
import type { GuestPointer } from './guest-memory.ts';
import { brokenRule, chargeGuest, type GuestState, isOutOfFuel, stopGuest } from './guest-state.ts';
import { priceOf } from './price.ts';

/** What the loader makes of the exports that admission kept. */
interface PlainExports extends Record<string, unknown> {
  __newString(text: string): GuestPointer;
  __getString(pointer: GuestPointer): string;
  __pin(pointer: GuestPointer): GuestPointer;
  readonly [PLAIN_ENTRY]: (input: GuestPointer) => GuestPointer;
}

/** `rtId` and `rtSize` of an object's header (AssemblyScript runtime, "Memory layout"), and the id of strings. */
const HEADER = Object.freeze({ id: -8, size: -4, stringId: 2 });
/** The loader rounds addresses of headers down to words: others it would read from another place than was checked. */
const WORD_BYTES = 4;
const UNIT_BYTES = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function instantiatePlain(
  module: WebAssembly.Module,
  { env, host }: WebAssembly.Imports,
  state: GuestState,
): GuestInstance {
  const { instance, exports } = instantiateSync<PlainExports>(module, { env: { ...env }, host: { ...host } });
  return { exports: instance.exports, entry: () => callPlain(exports, state) };
}

function callPlain(exports: PlainExports, state: GuestState): number {
  const input = decoder.decode(state.input);
  chargeGuest(state, priceOf(input.length * UNIT_BYTES));
  if (isOutOfFuel(state)) return 0;
  // The allocator is the guest's: the loader writes where it says, and nothing outside of the guest's memory.
  const pointer = exports.__newString(input);
  if (stringBytes(state, '__new', pointer) !== input.length * UNIT_BYTES) {
    stopGuest(
      state,
      brokenRule('ERR_GUEST_POINTER', '__new: its answer is not a string of the size asked for'),
    );
    return 0;
  }
  const output = exports[PLAIN_ENTRY](exports.__pin(pointer));
  if (output !== 0) readOutput(exports, state, output);
  return 0;
}

/** Copies the string that `handle` returned, within the limit on outputs. */
function readOutput(exports: PlainExports, state: GuestState, pointer: GuestPointer): void {
  const size = stringBytes(state, PLAIN_ENTRY, pointer);
  if (size === null) return;
  const allowed = state.limits.output_bytes;
  // UTF-8 takes at least one byte for each unit.
  if (size / UNIT_BYTES > allowed) {
    stopGuest(state, outputTooLarge(size / UNIT_BYTES, allowed));
    return;
  }
  chargeGuest(state, priceOf(size));
  if (isOutOfFuel(state)) return;
  const output = encoder.encode(exports.__getString(pointer >>> 0));
  if (output.byteLength > allowed) stopGuest(state, outputTooLarge(output.byteLength, allowed));
  else state.output = output;
}

/** Bytes of the string at `pointer`; null after stopping a guest that has no string there. */
function stringBytes(state: GuestState, call: string, pointer: GuestPointer): number | null {
  const start = pointer >>> 0;
  const memory = new DataView(state.memory.buffer);
  const available = memory.byteLength;
  if (start + HEADER.id < 0 || start > available || start % WORD_BYTES !== 0) {
    const message = `${call}: ${start} is not the address of a string in the guest's memory of ${available} bytes`;
    stopGuest(state, brokenRule('ERR_GUEST_POINTER', message));
    return null;
  }
  const size = memory.getUint32(start + HEADER.size, true);
  if (memory.getUint32(start + HEADER.id, true) !== HEADER.stringId || size % UNIT_BYTES !== 0) {
    stopGuest(
      state,
      brokenRule('ERR_GUEST_PROTOCOL', `${call}: the object at address ${start} is not a string`),
    );
    return null;
  }
  if (start + size <= available) return size;
  const message = `${call}: a string of ${size} bytes at address ${start} reaches outside the guest's memory of ${available} bytes`;
  stopGuest(state, brokenRule('ERR_GUEST_POINTER', message));
  return null;
}
