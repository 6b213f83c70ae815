import * as abi from "./abi";
import { allocatePadded } from "./bytes";
import { fail } from "./failure";
import { parseJson } from "./json/parser";

/** What a call to the host left behind: a block of bytes. */
@final
export class HostResult {
  constructor(readonly start: usize, readonly length: i32) {}

  text(): string {
    return String.UTF8.decodeUnsafe(this.start, this.length);
  }
}

/** The result of the last call. If its status says that the host refused or failed, the step ends with the host's words. */
export function takeResult(status: i32): HostResult {
  const length = abi.result_len();
  const start = allocatePadded(length);
  abi.result_read(start);
  if (status == 0) return new HostResult(start, length);
  const error = parseJson(start, length);
  return fail<HostResult>(
    error.get("code").asString("host_call_failed"), error.get("message").asString(), error.get("retryable").asBool());
}
