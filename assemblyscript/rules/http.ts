import { fail } from "../failure";
import { HttpResponse } from "../http";
import { Json } from "../json/json";
import { rejectConfig } from "./config";

/** Statuses after which the same request may succeed later. */
const DEFAULT_RETRY_STATUSES: i32[] = [408, 425, 429, 500, 502, 503, 504];

/** True for a status that counts as success: one of the configured ones, or 200 to 299. */
export function isExpected(status: i32, expected: Json): bool {
  return expected.isMissing ? status >= 200 && status <= 299 : contains(expected, status, "expected_statuses");
}

/**
 * Fails the step because of a response's status: retryable for the configured statuses (or the usual ones), with the
 * delay that a `retry-after` header in seconds asks for.
 */
export function failStatus<T>(response: HttpResponse, retry: Json): T {
  const status = response.status;
  const retryable = retry.isMissing ? DEFAULT_RETRY_STATUSES.includes(status) : contains(retry, status, "retry_statuses");
  const message = "expected a successful status, got " + status.toString();
  return fail<T>("http_status", message, retryable, retryable ? retryAfterMs(response) : -1);
}

function contains(list: Json, status: i32, name: string): bool {
  if (!list.isArray) return rejectConfig<bool>("config." + name, "array of statuses", list);
  for (let item = list.firstChild; item != list.afterLast; item = item.next) {
    if (item.asNumber() == <f64>status) return true;
  }
  return false;
}

/** Milliseconds of a `retry-after` header that counts seconds, else -1. A date is not used: it needs a clock. */
function retryAfterMs(response: HttpResponse): i64 {
  const text = response.header("retry-after");
  if (text.length == 0 || text.length > 6) return -1;
  for (let i = 0; i < text.length; i++) if (<u32>(text.charCodeAt(i) - 0x30) > 9) return -1;
  return I64.parseInt(text) * 1000;
}
