import type { ErrorCode } from '../errors.ts';
import { MeteringError } from '../metering/index.ts';
import { type Refusal, refuse } from '../model/verdict.ts';

/** A refusal of the rewriter in the broker's words; its own stable code stays in the message and the details. */
export function meteringRefusal(error: unknown): Refusal {
  if (!(error instanceof MeteringError)) throw error;
  return refuse(codeOf(error.code), `${error.code}: ${error.message}`, { metering: error.code });
}

function codeOf(code: string): ErrorCode {
  if (code.startsWith('malformed-')) return 'ERR_MODULE_MALFORMED';
  if (code.startsWith('limit-')) return 'ERR_MODULE_TOO_LARGE';
  return 'ERR_MODULE_UNSUPPORTED';
}
