import { ERROR_CODES, type ErrorCode } from '../errors.ts';
import { HOST_STATUS, type HostStatus } from '../model/abi.ts';
import type { HostFailure } from './host-call.ts';

/** The status a guest gets for a code; every other code is `failed`. */
const STATUS_OF: Readonly<Partial<Record<ErrorCode, Exclude<HostStatus, 0>>>> = {
  ERR_GRANT_MISSING: HOST_STATUS.denied,
  ERR_HTTP_ADDRESS: HOST_STATUS.denied,
  ERR_SECRET_DENIED: HOST_STATUS.denied,
  ERR_HOST_CALL_INVALID: HOST_STATUS.invalid,
  ERR_LIMIT_HOST_CALLS: HOST_STATUS.overLimit,
  ERR_GRANT_REQUESTS: HOST_STATUS.overLimit,
  ERR_GRANT_BYTES: HOST_STATUS.overLimit,
  ERR_GRANT_RATE: HOST_STATUS.overLimit,
  ERR_HTTP_TOO_LARGE: HOST_STATUS.tooLarge,
  ERR_CACHE_TOO_LARGE: HOST_STATUS.tooLarge,
};

/** The reply for a refusal or failure: status and retryability follow from the code. */
export function hostFailure({
  code,
  message,
}: {
  readonly code: ErrorCode;
  readonly message: string;
}): HostFailure {
  return {
    status: STATUS_OF[code] ?? HOST_STATUS.failed,
    code,
    message,
    retryable: ERROR_CODES[code] === 'transient',
  };
}
