/** Runs in a lane's thread: one invocation of a component, in instances of its core modules that share their counters. */
import { compileFunction } from 'node:vm';
import { messageOf } from '../../errors.ts';
import { outputTooLarge } from '../abi/acts.ts';
import { type ComponentImports, linkComponent } from '../abi/component.ts';
import {
  chargeGuest,
  enterGuestState,
  type GuestState,
  newGuestState,
  stopGuest,
} from '../abi/guest-state.ts';
import { promising } from '../abi/jspi.ts';
import { HOST_CALL_FUEL, priceOf } from '../abi/price.ts';
import type { GuestReport, GuestResult, InvokeMessage, ModuleComponent, ModuleMessage } from '../protocol.ts';
import { type ComponentEnd, classifyComponent } from './classify-component.ts';
import { allotMemories, type CoreMemories } from './component-memories.ts';
import { GlueTimers } from './glue-timers.ts';
import { guestReport, notStarted } from './report.ts';
import type { RunningInvocation, RunningMark, Workplace } from './workplace.ts';

/** What the glue's `instantiate` makes: the exports of the component. */
interface ComponentExports {
  readonly handle: (input: string) => Promise<unknown>;
}

/** `instantiate` of jco's glue in sync mode. */
type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: ComponentImports,
  instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => WebAssembly.Instance,
) => ComponentExports;

/** The counters that every core imports. */
interface Counters {
  readonly fuel: WebAssembly.Global<'i64'>;
  readonly depth: WebAssembly.Global<'i32'>;
  readonly 'denied-grow': WebAssembly.Global<'i32'>;
}

/** One invocation's guest. */
interface Guest {
  readonly module: ModuleMessage;
  readonly component: ModuleComponent;
  readonly state: GuestState;
  readonly counters: Counters;
  readonly memories: CoreMemories;
  readonly timers: GlueTimers;
  readonly mark: RunningMark;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Starts `message` in a new guest. Nothing of it is kept for another. */
export function startComponent(
  module: ModuleMessage,
  component: ModuleComponent,
  message: InvokeMessage,
  { callBroker, mark }: Workplace,
): RunningInvocation {
  const { limits, slot } = message;
  const memories = memoriesFor(component, message);
  if ('kind' in memories) return notStarted(module, slot, memories);
  const state = newGuestState(memories.main, limits);
  enterGuestState(state, message);
  const counters = newCounters(state, module);
  const guest: Guest = { module, component, state, counters, memories, timers: new GlueTimers(), mark };
  const result = run(guest, linkComponent(state, callBroker)).then((end) => {
    mark.leave();
    guest.timers.end();
    return reportOf(guest, end);
  });
  const cancel = () =>
    stopGuest(state, { kind: 'aborted', code: 'ERR_ABORTED', message: 'cancelled by the host' });
  return { result, cancel };
}

/** Where there is no address space left for them, the fault is ours. */
function memoriesFor({ cores }: ModuleComponent, { limits }: InvokeMessage): CoreMemories | GuestResult {
  try {
    return allotMemories(cores, limits);
  } catch (error) {
    return { kind: 'aborted', code: 'ERR_INTERNAL', message: `instantiation: ${messageOf(error)}` };
  }
}

function newCounters(state: GuestState, { initialFuel, uncountedBytes }: ModuleMessage): Counters {
  const fuelLeft = BigInt(state.limits.fuel - initialFuel);
  const fuel = new WebAssembly.Global({ value: 'i64', mutable: true }, fuelLeft);
  state.fuel = fuel;
  return {
    fuel,
    depth: new WebAssembly.Global({ value: 'i32', mutable: true }, state.limits.depth - uncountedBytes),
    'denied-grow': new WebAssembly.Global({ value: 'i32', mutable: true }, 0),
  };
}

// untrusted: the glue hands on what the component's own code does and returns
async function run(guest: Guest, imports: ComponentImports): Promise<ComponentEnd> {
  const { state, mark } = guest;
  try {
    chargeGuest(state, priceOf(state.input.byteLength));
    mark.enter(state.slot);
    const { handle } = instantiateComponent(guest, imports);
    mark.leave();
    return { returned: await handle(decoder.decode(state.input)) };
  } catch (thrown) {
    return { thrown };
  }
}

function instantiateComponent(guest: Guest, imports: ComponentImports): ComponentExports {
  const { module, component, state, counters, memories } = guest;
  const ownFunctions = new Set<unknown>();
  const modules = [module.module, ...component.others];
  const instantiate = glueOf(component)(...glueGlobals(guest));
  return instantiate(
    (name) => modules[component.cores.findIndex((core) => core.name === name)] ?? module.module,
    imports,
    (coreModule, coreImports = {}) => {
      const core = component.cores[modules.indexOf(coreModule)];
      const memory = core && memories.byCore.get(core);
      const instance = new WebAssembly.Instance(coreModule, {
        ...charged(state, coreImports, ownFunctions),
        metering: { ...counters },
        ...(memory !== undefined && { host: { memory } }),
      });
      for (const item of Object.values(instance.exports)) ownFunctions.add(item);
      if (core?.startExport != null) (instance.exports[core.startExport] as () => void)();
      return instance;
    },
  );
}

/** The imports of a core, with a price on each call that goes from it into the glue and not to another core. */
function charged(
  state: GuestState,
  imports: WebAssembly.Imports,
  ownFunctions: ReadonlySet<unknown>,
): WebAssembly.Imports {
  const charge = (item: WebAssembly.ImportValue): WebAssembly.ImportValue => {
    if (typeof item !== 'function' || ownFunctions.has(item)) return item;
    return (...args: unknown[]) => {
      chargeGuest(state, HOST_CALL_FUEL.call);
      return item(...args);
    };
  };
  return Object.fromEntries(
    Object.entries(imports).map(([module, items]) => [
      module,
      Object.fromEntries(Object.entries(items).map(([name, item]) => [name, charge(item)])),
    ]),
  );
}

type Glue = (...globals: readonly unknown[]) => Instantiate;
const glues = new WeakMap<ModuleComponent, Glue>();

/** The glue, compiled once for a lane and run once for an invocation: what it keeps is in its closures. */
function glueOf(component: ModuleComponent): Glue {
  const known = glues.get(component);
  if (known !== undefined) return known;
  const glue = compileFunction(component.glue, Object.keys(GLOBALS), { filename: 'component' }) as Glue;
  glues.set(component, glue);
  return glue;
}

/** Globals that the glue sees in place of the lane's own. Not a boundary: admission is, with what may stand in a glue. */
const GLOBALS = Object.freeze({
  globalThis: ({ mark, state }: Guest) => ({ WebAssembly: webAssemblyOf(mark, state) }),
  WebAssembly: ({ mark, state }: Guest) => webAssemblyOf(mark, state),
  console: () => ({ error: () => {}, debug: () => {}, log: () => {} }),
  setTimeout: ({ timers }: Guest) => timers.setTimeout,
  setInterval: ({ timers }: Guest) => timers.setInterval,
  process: () => undefined,
});

function glueGlobals(guest: Guest): unknown[] {
  return Object.values(GLOBALS).map((make) => make(guest));
}

/** The glue enters the guest in a later turn than it is called: its entries mark for themselves who runs. */
function webAssemblyOf(mark: RunningMark, { slot }: GuestState): object {
  return Object.create(WebAssembly, {
    promising: {
      value: (entry: WebAssembly.ExportValue) => {
        const enter = promising(entry);
        return (...args: number[]) => {
          mark.enter(slot);
          try {
            return enter(...args);
          } finally {
            mark.leave();
          }
        };
      },
    },
  });
}

function reportOf(guest: Guest, end: ComponentEnd): GuestReport {
  const { module, state, counters, memories } = guest;
  if ('returned' in end && typeof end.returned === 'string') takeOutput(state, end.returned);
  const exports = {
    [module.fuelExport]: counters.fuel,
    [module.depthExport]: counters.depth,
    [module.deniedGrowExport ?? '']: counters['denied-grow'],
  };
  const result = classifyComponent(state, module, exports, end);
  return guestReport(state, result, memories.bytes());
}

function takeOutput(state: GuestState, text: string): void {
  const allowed = state.limits.output_bytes;
  // UTF-8 takes at least one byte for each unit: what is far too long is not encoded.
  if (text.length > allowed) {
    stopGuest(state, outputTooLarge(text.length, allowed));
    return;
  }
  const output = encoder.encode(text);
  chargeGuest(state, priceOf(output.byteLength));
  if (output.byteLength > allowed) stopGuest(state, outputTooLarge(output.byteLength, allowed));
  else state.output = output;
}
