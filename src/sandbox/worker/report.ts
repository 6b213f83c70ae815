/** Runs in a lane's thread: what is said of an invocation that ended. */
import type { GuestState } from '../abi/guest-state.ts';
import { epochMs, type GuestResult, type ResultMessage } from '../protocol.ts';

/** The report about a guest that ran. */
export function resultMessage(
  state: GuestState,
  result: GuestResult,
  { peakMemoryBytes, startedMs }: { readonly peakMemoryBytes: number; readonly startedMs: number },
): ResultMessage {
  const fuelLeft = state.fuelWhenStopped ?? state.fuel?.value ?? 0n;
  return {
    type: 'result',
    slot: state.slot,
    result,
    fuel: state.limits.fuel - Number(fuelLeft),
    fuelExact: ENDED_BY_ITSELF.has(result.kind) || isFuel(result),
    peakMemoryBytes,
    logs: state.logs,
    wallMs: epochMs() - startedMs,
  };
}

/** The report about one that could not be made. */
export function notStarted(slot: number, result: GuestResult, startedMs: number): ResultMessage {
  const wallMs = epochMs() - startedMs;
  return { type: 'result', slot, result, fuel: 0, fuelExact: true, peakMemoryBytes: 0, logs: [], wallMs };
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
