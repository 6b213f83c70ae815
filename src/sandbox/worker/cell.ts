/** Runs in a lane's thread. How an invocation comes by its cell, and how it leaves it. */
import { linkCore } from '../abi/core.ts';
import { leaveGuestState, newGuestState } from '../abi/guest-state.ts';
import type { CallBroker } from '../abi/leaving-call.ts';
import type { InvokeMessage, ModuleMessage } from '../protocol.ts';
import type { Cell, CellStore } from './cell-store.ts';

/** The two ways to a new guest: a fresh instance every time, or one that is put back to its image. */
export interface Variant {
  readonly module: WebAssembly.Module;
  readonly memoryMinPages: number;
  /** Null: a fresh instance. Its start function has not run yet. */
  readonly restoreExport: string | null;
  /** Fuel that the image stands for. */
  readonly startFuel: number;
  /** How far its code lies behind that of the plain module. */
  readonly codeShift: number;
}

/** The image, unless the invocation's limits are below what its start function was given. */
export function variantOf(message: ModuleMessage, { limits }: InvokeMessage): Variant {
  const { image, module, memoryMinPages, initialFuel } = message;
  const fits =
    image !== null &&
    limits.fuel - initialFuel >= image.startFuel &&
    limits.depth >= image.depthBytes &&
    limits.memory_pages >= image.memoryMinPages;
  return fits ? image : { module, memoryMinPages, restoreExport: null, startFuel: 0, codeShift: 0 };
}

/** A cell whose memory is zero or, with an instance, as the image says. */
export function takeCell(
  cells: CellStore,
  module: ModuleMessage,
  variant: Variant,
  message: InvokeMessage,
  callBroker: CallBroker,
): Cell {
  const initial = variant.memoryMinPages;
  const maximum = Math.min(message.limits.memory_pages, module.memoryMaxPages);
  // Imports are the same for every module, so fresh instances share cells by the shape of their memory alone.
  const shape = `${variant.restoreExport === null ? '' : module.moduleId}/${initial}/${maximum}`;
  const kept = cells.take(shape);
  if (kept !== undefined) return kept;
  const memory = new WebAssembly.Memory({ initial, maximum });
  const state = newGuestState(memory, message.limits);
  const bytes = memory.buffer.byteLength;
  return { shape, bytes, memory, state, imports: linkCore(state, callBroker), instance: null };
}

/**
 * Gives a cell back after an invocation that returned, with nothing of it left. One whose memory grew is dropped, since
 * memories cannot shrink and `memory.size` would tell the next guest; so is that of a guest that trapped or was ended
 * (its caller does not return it).
 */
export function giveBackCell(cells: CellStore, cell: Cell, variant: Variant): void {
  const { buffer } = cell.memory;
  if (buffer.byteLength !== cell.bytes || !cells.hasRoom(cell.bytes)) return;
  if (variant.restoreExport === null) {
    cell.instance = null;
    new Uint8Array(buffer).fill(0);
  } else restore(cell, variant);
  leaveGuestState(cell.state);
  cells.keep(cell);
}

/** Writes the image over memory and globals. */
export function restore({ instance }: Cell, { restoreExport }: Variant): void {
  if (instance === null || restoreExport === null) return;
  (instance.exports[restoreExport] as () => void)();
}
