/** Runs in a lane's thread. Turns how a component's `handle` ended into what is reported. */
import { messageOf } from '../../errors.ts';
import type { ComponentFailure } from '../abi/component.ts';
import { failureOf } from '../abi/failure.ts';
import { brokenRule, type GuestState } from '../abi/guest-state.ts';
import type { GuestResult, ModuleMessage } from '../protocol.ts';
import { classify } from './classify.ts';

/** How `handle` ended: with what the glue made of its result, or with what was thrown. */
export type ComponentEnd = { readonly returned: unknown } | { readonly thrown: unknown };

/** Messages of the glue can hold values of the guest. */
const MESSAGE_MAX = 1000;

/** The verdicts of `classify`, and before its traps those on what only the glue can find: it throws plain errors. */
export function classifyComponent(
  state: GuestState,
  module: ModuleMessage,
  exports: WebAssembly.Exports,
  end: ComponentEnd,
): GuestResult {
  if ('returned' in end) return classify(state, module, exports, { returned: 0 }, 0);
  const isOurs = state.stopped !== null || (state.fuel !== null && state.fuel.value < 0n);
  const { thrown } = end;
  if (isOurs || thrown instanceof WebAssembly.RuntimeError || isStackOverflow(thrown)) {
    return classify(state, module, exports, end, 0);
  }
  const failure = payloadOf(thrown);
  if (failure !== null) {
    const { retryAfterMs, ...rest } = failure;
    return failureOf(retryAfterMs === undefined ? rest : { ...rest, retry_after_ms: retryAfterMs });
  }
  const code = thrown instanceof RangeError ? 'ERR_GUEST_POINTER' : 'ERR_GUEST_PROTOCOL';
  return brokenRule(code, `canonical ABI: ${messageOf(thrown).slice(0, MESSAGE_MAX)}`);
}

function isStackOverflow(thrown: unknown): boolean {
  return thrown instanceof RangeError && /call stack/.test(thrown.message);
}

/** What `handle` returned as its error; jco throws it. */
function payloadOf(thrown: unknown): ComponentFailure | null {
  if (!(thrown instanceof Error) || !Object.hasOwn(thrown, 'payload')) return null;
  const { payload } = thrown as Error & { readonly payload: unknown };
  return typeof payload === 'object' && payload !== null ? (payload as ComponentFailure) : null;
}
