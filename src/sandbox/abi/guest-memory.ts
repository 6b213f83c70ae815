/** Runs in a lane's thread. The only place that reads or writes a guest's linear memory. */
import { brokenRule, type GuestState, stopGuest } from './guest-state.ts';

/** untrusted: an i32 as the guest passed it; only `guestBytes` turns it into an address. */
export type GuestPointer = number & { readonly brand?: 'GuestPointer' };

/** A view of guest memory, or null after stopping a guest whose pointer lies outside. Valid until the guest runs again. */
export function guestBytes(
  state: GuestState,
  call: string,
  pointer: GuestPointer,
  length: number,
): Uint8Array | null {
  const start = pointer >>> 0;
  const size = length >>> 0;
  const { buffer } = state.memory;
  const available = buffer.byteLength;
  if (start + size <= available) return new Uint8Array(buffer, start, size);
  const message = `${call}: ${size} bytes at address ${start} lie outside the guest's memory of ${available} bytes`;
  stopGuest(state, brokenRule('ERR_GUEST_POINTER', message));
  return null;
}

/** Copies `source` into guest memory at `pointer`. */
export function copyToGuest(
  state: GuestState,
  call: string,
  pointer: GuestPointer,
  source: Uint8Array,
): void {
  guestBytes(state, call, pointer, source.byteLength)?.set(source);
}

const decoder = new TextDecoder('utf-8', { fatal: false });

/** UTF-8 text of the guest, invalid sequences replaced. Never copies the guest's bytes by reference. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

const ABORT_TEXT_MAX_UNITS = 1024;
const utf16 = new TextDecoder('utf-16le', { fatal: false });

/** An AssemblyScript string: UTF-16 units at `pointer`, their byte length in the word before. Empty when unreadable. */
export function assemblyScriptText(state: GuestState, pointer: GuestPointer): string {
  const start = pointer >>> 0;
  const available = state.memory.buffer.byteLength;
  if (start < 4 || start > available) return '';
  const declared = new DataView(state.memory.buffer).getUint32(start - 4, true);
  const size = Math.min(declared, ABORT_TEXT_MAX_UNITS * 2, available - start) & ~1;
  return utf16.decode(new Uint8Array(state.memory.buffer, start, size));
}
