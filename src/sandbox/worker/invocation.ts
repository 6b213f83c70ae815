/** Runs in a lane's thread: one invocation, from a new guest to its result. */
import { messageOf } from '../../errors.ts';
import { ABI_ENTRY } from '../../model/abi.ts';
import { enterGuestState, stopGuest } from '../abi/guest-state.ts';
import { promising } from '../abi/jspi.ts';
import type { CallBroker } from '../abi/leaving-call.ts';
import {
  epochMs,
  type GuestResult,
  type InvokeMessage,
  type ModuleMessage,
  type ResultMessage,
} from '../protocol.ts';
import { giveBackCell, restore, takeCell, type Variant, variantOf } from './cell.ts';
import type { Cell, CellStore } from './cell-store.ts';
import { classify, type EntryEnd, overBefore } from './classify.ts';

/** A guest that is running or suspended. */
export interface RunningInvocation {
  /** Settles with what is reported; never rejects because of the guest. */
  readonly result: Promise<ResultMessage> | ResultMessage;
  /** Ends the guest at its next check; a suspended one has to be resumed for that. */
  cancel(): void;
}

/** Marks the moments at which guest code starts and stops running on this thread. */
export interface RunningMark {
  enter(slot: number): void;
  leave(): void;
}

/** What a lane's thread keeps for all its invocations. */
export interface Workplace {
  readonly cells: CellStore;
  readonly callBroker: CallBroker;
  readonly mark: RunningMark;
}

/** Starts `message` in a new guest of `module`. Guest code may already have finished when this returns. */
export function startInvocation(
  module: ModuleMessage,
  message: InvokeMessage,
  workplace: Workplace,
): RunningInvocation {
  const startedMs = epochMs();
  const { mark } = workplace;
  const over = overBefore(module, message.limits);
  if (over !== null) return notStarted(module, message.slot, over, startedMs);
  const variant = variantOf(module, message);
  const cell = takeCell(workplace.cells, module, variant, message, workplace.callBroker);
  const { state } = cell;
  enterGuestState(state, message);
  const fault = instantiate(cell, variant);
  if (fault !== null) return notStarted(module, message.slot, fault, startedMs);
  const guest: Guest = { module, variant, cell, exports: exportsOf(cell) };
  setCounters(guest);
  const finish = (end: EntryEnd): ResultMessage => {
    mark.leave();
    return report(workplace, guest, message.slot, end, startedMs);
  };
  const cancel = () =>
    stopGuest(state, { kind: 'aborted', code: 'ERR_ABORTED', message: 'cancelled by the host' });
  mark.enter(message.slot);
  const result = module.suspends ? runSuspendable(guest, finish) : finish(runStraight(guest));
  if (module.suspends) mark.leave();
  return { result, cancel };
}

/** One invocation's instance. */
interface Guest {
  readonly module: ModuleMessage;
  readonly variant: Variant;
  readonly cell: Cell;
  readonly exports: WebAssembly.Exports;
}

function exportsOf({ instance }: Cell): WebAssembly.Exports {
  if (instance === null) throw new TypeError('the cell has no instance');
  return instance.exports;
}

/** An active segment that does not fit is the module's fault; anything else (no address space left) is ours. */
function instantiate(cell: Cell, variant: Variant): GuestResult | null {
  if (cell.instance !== null) return null;
  try {
    cell.instance = new WebAssembly.Instance(variant.module, cell.imports);
    restore(cell, variant);
    return null;
  } catch (error) {
    const message = `instantiation: ${messageOf(error)}`;
    if (error instanceof WebAssembly.RuntimeError)
      return { kind: 'trapped', code: 'ERR_GUEST_TRAP', message, stack: [] };
    return { kind: 'aborted', code: 'ERR_INTERNAL', message };
  }
}

function notStarted(
  { initialFuel: fuel }: ModuleMessage,
  slot: number,
  result: GuestResult,
  startedMs: number,
): RunningInvocation {
  const wallMs = epochMs() - startedMs;
  const reported = {
    type: 'result',
    slot,
    result,
    fuel,
    fuelExact: true,
    peakMemoryBytes: 0,
    logs: [],
    wallMs,
  } as const;
  return { result: reported, cancel: () => {} };
}

function setCounters({ module, variant, cell: { state }, exports }: Guest): void {
  const fuel = exports[module.fuelExport] as WebAssembly.Global<'i64'>;
  const depth = exports[module.depthExport] as WebAssembly.Global<'i32'>;
  fuel.value = BigInt(state.limits.fuel - module.initialFuel - variant.startFuel);
  depth.value = state.limits.depth - module.uncountedBytes;
  state.fuel = fuel;
}

/** The start function, where it has not run at admission. */
function startOf({ module, variant, exports }: Guest): WebAssembly.ExportValue | null {
  if (variant.restoreExport !== null || module.startExport === null) return null;
  return exports[module.startExport] ?? null;
}

function runStraight(guest: Guest): EntryEnd {
  try {
    (startOf(guest) as (() => void) | null)?.();
    return { returned: (guest.exports[ABI_ENTRY] as () => number)() };
  } catch (thrown) {
    return { thrown };
  }
}

async function runSuspendable(
  guest: Guest,
  finish: (end: EntryEnd) => ResultMessage,
): Promise<ResultMessage> {
  try {
    const start = startOf(guest);
    if (start !== null) await promising(start)();
    return finish({ returned: await promising(guest.exports[ABI_ENTRY] as WebAssembly.ExportValue)() });
  } catch (thrown) {
    return finish({ thrown });
  }
}

function report(
  { cells }: Workplace,
  { module, variant, cell, exports }: Guest,
  slot: number,
  end: EntryEnd,
  startedMs: number,
): ResultMessage {
  const { state } = cell;
  const result = classify(state, module, exports, end, variant.codeShift);
  const fuelLeft = state.fuelWhenStopped ?? state.fuel?.value ?? 0n;
  const reported: ResultMessage = {
    type: 'result',
    slot,
    result,
    fuel: state.limits.fuel - Number(fuelLeft),
    fuelExact: ENDED_BY_ITSELF.has(result.kind) || isFuel(result),
    peakMemoryBytes: state.memory.buffer.byteLength,
    logs: state.logs,
    wallMs: epochMs() - startedMs,
  };
  if (!('thrown' in end)) giveBackCell(cells, cell, variant);
  return reported;
}

/** Ways to end at which the counter was exact: by returning, or inside a call of the host. */
const ENDED_BY_ITSELF: ReadonlySet<GuestResult['kind']> = new Set([
  'returned',
  'checkpoint',
  'wait',
  'failed',
]);

function isFuel(result: ResultMessage['result']): boolean {
  return result.kind === 'exhausted' && result.limit === 'fuel';
}
