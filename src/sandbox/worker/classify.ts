/** Runs in a lane's thread. Turns how the guest's entry ended into what is reported. */
import type { Limits } from '../../model/limits.ts';
import { type GuestState, NO_BYTES } from '../abi/guest-state.ts';
import type { GuestResult, ModuleMessage } from '../protocol.ts';

/** How the entry ended: with its return value, or with what it threw. */
export type EntryEnd = { readonly returned: number } | { readonly thrown: unknown };

const STACK_FRAMES_MAX = 16;
/** Of a name that is longer, so much is reported. */
const NAME_MAX = 200;

/**
 * The order decides: a verdict of the host first, then fuel (also after a normal return: the last straight line may
 * pass zero), call depth, a denied memory.grow that led to a trap, the trap itself, the return value, the output.
 */
export function classify(
  state: GuestState,
  module: ModuleMessage,
  exports: WebAssembly.Exports,
  end: EntryEnd,
  codeShift: number,
): GuestResult {
  if (state.stopped !== null) return state.stopped;
  if (state.fuel !== null && state.fuel.value < 0n) {
    return outOfFuel(state.limits, state.limits.fuel - Number(state.fuel.value));
  }
  if ('thrown' in end) return classifyTrap(state, module, exports, end.thrown, codeShift);
  if (end.returned !== 0) {
    const message = `the handler returned ${end.returned}; 0 means success`;
    return { kind: 'failed', code: 'ERR_GUEST_RETURN', message, retryable: false };
  }
  if (state.output === null) {
    const message = 'the handler returned without writing an output';
    return { kind: 'failed', code: 'ERR_OUTPUT_MISSING', message, retryable: false };
  }
  return { kind: 'returned', output: state.output ?? NO_BYTES };
}

/** What ends an invocation before it starts: limits below what the module takes before any of its code runs. */
export function overBefore(
  { initialFuel, uncountedBytes, memoryMinPages }: ModuleMessage,
  limits: Limits,
): GuestResult | null {
  if (memoryMinPages > limits.memory_pages) return startsTooLarge(memoryMinPages, limits.memory_pages);
  if (initialFuel > limits.fuel) return outOfFuel(limits, initialFuel);
  return uncountedBytes > limits.depth ? tooDeep(limits, uncountedBytes) : null;
}

function startsTooLarge(used: number, allowed: number): GuestResult {
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_MEMORY',
    message: `the handler starts with ${used} pages of memory; limits.memory_pages allows ${allowed}`,
    limit: 'memory_pages',
    allowed,
    used,
    setting: 'limits.memory_pages',
  };
}

function outOfFuel({ fuel: allowed }: Limits, used: number): GuestResult {
  const message = `the handler ran out of fuel; limits.fuel allows ${allowed}`;
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_FUEL',
    message,
    limit: 'fuel',
    allowed,
    used,
    setting: 'limits.fuel',
  };
}

function classifyTrap(
  state: GuestState,
  module: ModuleMessage,
  exports: WebAssembly.Exports,
  thrown: unknown,
  codeShift: number,
): GuestResult {
  const depthLeft = Number(globalValue(exports, module.depthExport));
  if (depthLeft < 0 || thrown instanceof RangeError) {
    return tooDeep(state.limits, state.limits.depth - Math.min(depthLeft, 0));
  }
  if (wasDeniedMemory(state, module, exports) && isUnreachable(thrown)) {
    const allowed = state.limits.memory_pages;
    const used = state.memory.buffer.byteLength / 65536;
    const message = `the handler asked for more memory than limits.memory_pages = ${allowed} allows (it had ${used} pages)`;
    const setting = 'limits.memory_pages';
    return {
      kind: 'exhausted',
      code: 'ERR_LIMIT_MEMORY',
      message,
      limit: 'memory_pages',
      allowed,
      used,
      setting,
    };
  }
  const message = thrown instanceof Error ? thrown.message : 'trap';
  return {
    kind: 'trapped',
    code: 'ERR_GUEST_TRAP',
    message: `trap: ${message}`,
    stack: wasmFrames(thrown, codeShift),
  };
}

function tooDeep({ depth: allowed }: Limits, used: number): GuestResult {
  const message = `the handler's calls nest too deep; limits.depth allows ${allowed} bytes of frames`;
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_DEPTH',
    message,
    limit: 'depth',
    allowed,
    used,
    setting: 'limits.depth',
  };
}

/** True when the invocation's own limit, and not the module's declared maximum, stopped a memory.grow. */
function wasDeniedMemory(state: GuestState, module: ModuleMessage, exports: WebAssembly.Exports): boolean {
  if (module.deniedGrowExport === null || module.memoryMaxPages < state.limits.memory_pages) return false;
  return globalValue(exports, module.deniedGrowExport) < 0;
}

/** How allocators of compiled languages end when there is no memory. */
function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof WebAssembly.RuntimeError && thrown.message.includes('unreachable');
}

/** The value of an exported global, 0 when there is none. */
export function globalValue(exports: WebAssembly.Exports, name: string): number | bigint {
  const found = exports[name];
  return found instanceof WebAssembly.Global ? (found.value as number | bigint) : 0;
}

/** How the line of a wasm frame ends, in the last characters of it. */
const PLACE = /(wasm-function\[\d+\]):0x([0-9a-f]+)\)?$/;
const PLACE_MAX = 80;

// untrusted: names of functions are what the module says, at any length; a line break in one makes it two lines
/** The wasm frames of a trap's stack: `divide (wasm-function[12]:0x1f4)`; nothing of the host. */
function wasmFrames(thrown: unknown, codeShift: number): string[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const frames: string[] = [];
  for (const line of stack.split('\n')) {
    const [, place, offset = '0'] = PLACE.exec(line.slice(-PLACE_MAX)) ?? [];
    if (place === undefined || frames.length === STACK_FRAMES_MAX) continue;
    const where = `${place}:0x${(Number.parseInt(offset, 16) - codeShift).toString(16)}`;
    const nameEnd = line.lastIndexOf(' (wasm://');
    const name = line.slice(0, Math.max(nameEnd, 0)).replace(/^\s*at /, '');
    frames.push(name === '' ? where : `${name.slice(0, NAME_MAX)} (${where})`);
  }
  return frames;
}
