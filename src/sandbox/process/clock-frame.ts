import { CLOCK_RUNNING, clockOf, NOT_RUNNING, SLOTS_MAX } from '../protocol.ts';

const PER_SLOT = 3;

/**
 * The clock as a frame's body: how long ago instead of when, since the clocks of two processes may differ. So do those of
 * two threads, by microseconds: who was entered just now may seem to have been entered in a moment.
 */
export function packClock(clock: Float64Array, nowMs: number): Float64Array<ArrayBuffer> {
  const values = [clock[CLOCK_RUNNING] ?? NOT_RUNNING];
  for (let slot = 0; slot < SLOTS_MAX; slot += 1) {
    const enteredMs = clock[clockOf(slot)] ?? 0;
    if (enteredMs !== 0) values.push(slot, Math.max(0, nowMs - enteredMs), clock[clockOf(slot) + 1] ?? 0);
  }
  return new Float64Array(values);
}

/** Writes what `packClock` made into another clock. untrusted: the body; false when it cannot be. */
export function unpackClock(body: ArrayBuffer, clock: Float64Array, nowMs: number): boolean {
  if (body.byteLength % Float64Array.BYTES_PER_ELEMENT !== 0) return false;
  const values = new Float64Array(body);
  if (values.length % PER_SLOT !== 1 || values.length > 1 + SLOTS_MAX * PER_SLOT) return false;
  const [running = NOT_RUNNING] = values;
  if (running !== NOT_RUNNING && !isSlot(running)) return false;
  clock.fill(0);
  clock[CLOCK_RUNNING] = running;
  for (let at = 1; at < values.length; at += PER_SLOT) {
    const [slot = -1, elapsedMs = -1, replies = -1] = values.subarray(at, at + PER_SLOT);
    if (!isSlot(slot) || !(elapsedMs >= 0 && elapsedMs < nowMs) || !(replies >= 0)) return false;
    clock[clockOf(slot)] = nowMs - elapsedMs;
    clock[clockOf(slot) + 1] = replies;
  }
  return true;
}

function isSlot(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < SLOTS_MAX;
}
