/** Runs in a lane's thread. Linear memories that are used again, because creating one costs more than a small step. */
import type { ModuleMessage } from '../protocol.ts';

const KEPT_PER_SHAPE = 8;

const idle = new Map<string, WebAssembly.Memory[]>();

const shapeOf = (minPages: number, maxPages: number) => `${minPages}/${maxPages}`;

/** A zeroed memory of the module's minimum, bounded by the invocation's own limit. */
export function takeMemory(module: ModuleMessage, limitPages: number): WebAssembly.Memory {
  const initial = module.memoryMinPages;
  const maximum = Math.min(limitPages, module.memoryMaxPages);
  return idle.get(shapeOf(initial, maximum))?.pop() ?? new WebAssembly.Memory({ initial, maximum });
}

/**
 * Gives a memory back after an invocation that returned. One that grew is dropped, since memories cannot shrink and
 * `memory.size` would tell the next guest; so is the memory of a guest that trapped (its caller does not return it).
 */
export function giveBackMemory(module: ModuleMessage, limitPages: number, memory: WebAssembly.Memory): void {
  const initial = module.memoryMinPages;
  if (memory.buffer.byteLength !== initial * 65536) return;
  const shape = shapeOf(initial, Math.min(limitPages, module.memoryMaxPages));
  const kept = idle.get(shape) ?? [];
  if (kept.length >= KEPT_PER_SHAPE) return;
  new Uint8Array(memory.buffer).fill(0);
  kept.push(memory);
  idle.set(shape, kept);
}
