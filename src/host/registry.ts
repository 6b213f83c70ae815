import { cacheGet, cachePut } from './calls/cache.ts';
import { httpRequest } from './calls/http-request.ts';
import { secretRead } from './calls/secret-read.ts';
import type { HostCall } from './host-call.ts';

/** A call whose request type is hidden: what `decode` made is given back to the same call and to nothing else. */
export type AnyHostCall = HostCall<unknown>;

/** The only list of calls that leave the sandbox. `wireNumber` is written out in each call and never reused. */
export const HOST_CALLS: readonly AnyHostCall[] = Object.freeze([
  httpRequest as AnyHostCall,
  secretRead as AnyHostCall,
  cacheGet as AnyHostCall,
  cachePut as AnyHostCall,
]);

const byWireNumber = new Map(HOST_CALLS.map((call) => [call.wireNumber, call]));

/** The call with this number, if there is one. */
export function hostCallOf(wireNumber: number): AnyHostCall | undefined {
  return byWireNumber.get(wireNumber);
}
