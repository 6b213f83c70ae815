/** Runs in a lane's thread: one invocation, from a fresh instance to its result. */
import { messageOf } from '../../errors.ts';
import { ABI_ENTRY } from '../../model/abi.ts';
import { type CallBroker, linkCore } from '../abi/core.ts';
import { type GuestState, NO_BYTES, stopGuest } from '../abi/guest-state.ts';
import { promising } from '../abi/jspi.ts';
import {
  epochMs,
  type GuestResult,
  type InvokeMessage,
  type ModuleMessage,
  type ResultMessage,
} from '../protocol.ts';
import { classify, type EntryEnd } from './classify.ts';
import { giveBackMemory, takeMemory } from './memory-pool.ts';

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

/** Starts `message` in a fresh instance of `module`. Guest code may already have finished when this returns. */
export function startInvocation(
  module: ModuleMessage,
  message: InvokeMessage,
  callBroker: CallBroker,
  mark: RunningMark,
): RunningInvocation {
  const startedMs = epochMs();
  const state = newState(module, message);
  const instance = instantiate(state, module, callBroker);
  if (!(instance instanceof WebAssembly.Instance)) {
    return { result: notStarted(message.slot, instance, startedMs), cancel: () => {} };
  }
  setCounters(state, module, instance);
  const finish = (end: EntryEnd): ResultMessage => {
    mark.leave();
    return report(state, module, message, instance, end, startedMs);
  };
  const cancel = () =>
    stopGuest(state, { kind: 'aborted', code: 'ERR_ABORTED', message: 'cancelled by the host' });
  mark.enter(message.slot);
  const result = module.suspends
    ? runSuspendable(module, instance, finish)
    : finish(runStraight(module, instance));
  if (module.suspends) mark.leave();
  return { result, cancel };
}

function newState(module: ModuleMessage, message: InvokeMessage): GuestState {
  return {
    memory: takeMemory(module, message.limits.memory_pages),
    limits: message.limits,
    input: message.input,
    config: message.config,
    step: message.step,
    timeMs: message.timeMs,
    seed: message.seed,
    logLevel: message.logLevel,
    mayWait: message.mayWait,
    fuel: null,
    output: null,
    result: NO_BYTES,
    logs: [],
    logBytes: 0,
    stopped: null,
    fuelWhenStopped: null,
  };
}

/** An active segment that does not fit is the module's fault; anything else (no address space left) is ours. */
function instantiate(
  state: GuestState,
  module: ModuleMessage,
  callBroker: CallBroker,
): WebAssembly.Instance | GuestResult {
  try {
    return new WebAssembly.Instance(module.module, linkCore(state, callBroker));
  } catch (error) {
    const message = `instantiation: ${messageOf(error)}`;
    if (error instanceof WebAssembly.RuntimeError)
      return { kind: 'trapped', code: 'ERR_GUEST_TRAP', message, stack: [] };
    return { kind: 'aborted', code: 'ERR_INTERNAL', message };
  }
}

function notStarted(slot: number, result: GuestResult, startedMs: number): ResultMessage {
  const wallMs = epochMs() - startedMs;
  return { type: 'result', slot, result, fuel: 0, fuelExact: true, peakMemoryBytes: 0, logs: [], wallMs };
}

function setCounters(state: GuestState, module: ModuleMessage, instance: WebAssembly.Instance): void {
  const fuel = instance.exports[module.fuelExport] as WebAssembly.Global<'i64'>;
  const depth = instance.exports[module.depthExport] as WebAssembly.Global<'i32'>;
  fuel.value = BigInt(state.limits.fuel);
  depth.value = state.limits.depth;
  state.fuel = fuel;
}

function runStraight(module: ModuleMessage, instance: WebAssembly.Instance): EntryEnd {
  try {
    if (module.startExport !== null) (instance.exports[module.startExport] as () => void)();
    return { returned: (instance.exports[ABI_ENTRY] as () => number)() };
  } catch (thrown) {
    return { thrown };
  }
}

async function runSuspendable(
  module: ModuleMessage,
  instance: WebAssembly.Instance,
  finish: (end: EntryEnd) => ResultMessage,
): Promise<ResultMessage> {
  try {
    if (module.startExport !== null) await promising(instance.exports[module.startExport]!)();
    return finish({ returned: await promising(instance.exports[ABI_ENTRY]!)() });
  } catch (thrown) {
    return finish({ thrown });
  }
}

function report(
  state: GuestState,
  module: ModuleMessage,
  message: InvokeMessage,
  instance: WebAssembly.Instance,
  end: EntryEnd,
  startedMs: number,
): ResultMessage {
  const result = classify(state, module, instance, end);
  const fuelLeft = state.fuelWhenStopped ?? state.fuel?.value ?? 0n;
  const peakMemoryBytes = state.memory.buffer.byteLength;
  if (!('thrown' in end)) giveBackMemory(module, message.limits.memory_pages, state.memory);
  return {
    type: 'result',
    slot: message.slot,
    result,
    fuel: state.limits.fuel - Number(fuelLeft),
    fuelExact: ENDED_BY_ITSELF.has(result.kind) || isFuel(result),
    peakMemoryBytes,
    logs: state.logs,
    wallMs: epochMs() - startedMs,
  };
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
