/** Runs in a lane's thread. */
import { ABI_ENTRY, type Abi, PLAIN_ABI } from '../../model/abi.ts';
import { instantiatePlain } from './assemblyscript.ts';
import type { GuestInstance } from './guest-instance.ts';
import type { GuestState } from './guest-state.ts';

/** Instantiates a module of either ABI. Runs no code of the guest: its start function is an export. */
export function instantiateGuest(
  abi: Abi,
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
  state: GuestState,
): GuestInstance {
  if (abi === PLAIN_ABI) return instantiatePlain(module, imports, state);
  const { exports } = new WebAssembly.Instance(module, imports);
  return { exports, entry: exports[ABI_ENTRY] as () => number };
}
