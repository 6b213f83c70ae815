/** Fuel of a host call: entering the host, and copying bytes (a copy in guest code costs half a unit a byte). */
export const HOST_CALL_FUEL = Object.freeze({ call: 64, bytesPerUnit: 2 });

/** Fuel of a host call that copies `bytes`. */
export function priceOf(bytes: number): number {
  return HOST_CALL_FUEL.call + Math.floor(bytes / HOST_CALL_FUEL.bytesPerUnit);
}
