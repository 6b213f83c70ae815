/** Runs in a lane's thread: one invocation, from a new guest to its result. */
import { messageOf } from '../../errors.ts';
import type { GuestInstance } from '../abi/guest-instance.ts';
import { enterGuestState, stopGuest } from '../abi/guest-state.ts';
import { instantiateGuest } from '../abi/instantiate.ts';
import { promising } from '../abi/jspi.ts';
import type { GuestReport, GuestResult, InvokeMessage, ModuleMessage } from '../protocol.ts';
import { giveBackCell, restore, takeCell, type Variant, variantOf } from './cell.ts';
import type { Cell } from './cell-store.ts';
import { classify, type EntryEnd, overBefore } from './classify.ts';
import { startComponent } from './component.ts';
import { guestReport, notStarted } from './report.ts';
import type { RunningInvocation, Workplace } from './workplace.ts';

/** Starts `message` in a new guest of `module`. Guest code may already have finished when this returns. */
export function startInvocation(
  module: ModuleMessage,
  message: InvokeMessage,
  workplace: Workplace,
): RunningInvocation {
  const { mark } = workplace;
  const over = overBefore(module, message.limits);
  if (over !== null) return notStarted(module, message.slot, over);
  if (module.component !== null) return startComponent(module, module.component, message, workplace);
  const variant = variantOf(module, message);
  const cell = takeCell(workplace.cells, module, variant, message, workplace.callBroker);
  const { state } = cell;
  enterGuestState(state, message);
  const fault = instantiate(cell, module, variant);
  if (fault !== null) return notStarted(module, message.slot, fault);
  const guest: Guest = { module, variant, cell, ...instanceOf(cell) };
  setCounters(guest);
  const finish = (end: EntryEnd): GuestReport => {
    mark.leave();
    return report(workplace, guest, end);
  };
  const cancel = () =>
    stopGuest(state, { kind: 'aborted', code: 'ERR_ABORTED', message: 'cancelled by the host' });
  mark.enter(message.slot);
  const result = module.suspends ? runSuspendable(guest, finish) : finish(runStraight(guest));
  if (module.suspends) mark.leave();
  return { result, cancel };
}

/** One invocation's instance. */
interface Guest extends GuestInstance {
  readonly module: ModuleMessage;
  readonly variant: Variant;
  readonly cell: Cell;
}

function instanceOf({ instance }: Cell): GuestInstance {
  if (instance === null) throw new TypeError('the cell has no instance');
  return instance;
}

/** An active segment that does not fit is the module's fault; anything else (no address space left) is ours. */
function instantiate(cell: Cell, { abi }: ModuleMessage, variant: Variant): GuestResult | null {
  if (cell.instance !== null) return null;
  try {
    cell.instance = instantiateGuest(abi, variant.module, cell.imports, cell.state);
    restore(cell, variant);
    return null;
  } catch (error) {
    const message = `instantiation: ${messageOf(error)}`;
    if (error instanceof WebAssembly.RuntimeError)
      return { kind: 'trapped', code: 'ERR_GUEST_TRAP', message, stack: [] };
    return { kind: 'aborted', code: 'ERR_INTERNAL', message };
  }
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
    return { returned: guest.entry() };
  } catch (thrown) {
    return { thrown };
  }
}

async function runSuspendable(guest: Guest, finish: (end: EntryEnd) => GuestReport): Promise<GuestReport> {
  try {
    const start = startOf(guest);
    if (start !== null) await promising(start)();
    return finish({ returned: await promising(guest.entry)() });
  } catch (thrown) {
    return finish({ thrown });
  }
}

function report({ cells }: Workplace, { module, variant, cell, exports }: Guest, end: EntryEnd): GuestReport {
  const { state } = cell;
  const result = classify(state, module, exports, end, variant.codeShift);
  const reported = guestReport(state, result, state.memory.buffer.byteLength);
  if (!('thrown' in end)) giveBackCell(cells, cell, variant);
  return reported;
}
