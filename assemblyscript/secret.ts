import * as abi from "./abi";
import { takeResult } from "./result";

/**
 * The value of a secret; needs the capability `secret_read`. For what cannot be done by sending a reference, such as a
 * signature. A host that refuses ends the step. Never log or return what this yields: it would be masked or withheld.
 */
export function readSecret(name: string): string {
  const bytes = String.UTF8.encode(name);
  return takeResult(abi.secret_read(changetype<usize>(bytes), bytes.byteLength)).text();
}
