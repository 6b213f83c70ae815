/** Runs in a lane's thread: what is said of an invocation that ended. */
import type { GuestState } from '../abi/guest-state.ts';
import type { GuestReport, GuestResult, ModuleMessage } from '../protocol.ts';
import type { RunningInvocation } from './workplace.ts';

/** The report about a guest that ran. */
export function guestReport(state: GuestState, result: GuestResult, peakMemoryBytes: number): GuestReport {
  const fuelLeft = state.fuelWhenStopped ?? state.fuel?.value ?? 0n;
  return {
    type: 'result',
    slot: state.slot,
    result,
    fuel: state.limits.fuel - Number(fuelLeft),
    fuelExact: ENDED_BY_ITSELF.has(result.kind) || isFuel(result),
    peakMemoryBytes,
    logs: state.logs,
  };
}

/** An invocation that could not be made, and what is reported of it. */
export function notStarted(
  { initialFuel: fuel }: ModuleMessage,
  slot: number,
  result: GuestResult,
): RunningInvocation {
  const reported = {
    type: 'result',
    slot,
    result,
    fuel,
    fuelExact: true,
    peakMemoryBytes: 0,
    logs: [],
  } as const;
  return { result: reported, cancel: () => {} };
}

/** Ways to end at which the counter was exact: by returning, or inside a call of the host. */
const ENDED_BY_ITSELF: ReadonlySet<GuestResult['kind']> = new Set([
  'returned',
  'checkpoint',
  'wait',
  'failed',
]);

function isFuel(result: GuestResult): boolean {
  return result.kind === 'exhausted' && result.limit === 'fuel';
}
