import type { ErrorCode } from '../../errors.ts';
import { refuse } from '../../model/verdict.ts';

/** Why there is no response. */
export interface HttpFailure {
  readonly kind: 'failure';
  readonly code: ErrorCode;
  /** Never what a server sent. */
  readonly message: string;
  /** With ERR_HTTP_ADDRESS: the addresses that were refused. */
  readonly addresses?: readonly string[];
  /** With ERR_HTTP_TOO_LARGE for a body: what was allowed. */
  readonly allowedBytes?: number;
  /** Bytes of the body that had arrived. */
  readonly receivedBytes?: number;
}

/** Bytes of all response headers together. */
export const RESPONSE_HEADER_BYTES_MAX = 32 * 1024;

export function tooLarge(what: string, allowedBytes?: number): HttpFailure {
  const limit = allowedBytes === undefined ? '' : `; limits.http_response_bytes allows ${allowedBytes}`;
  return {
    kind: 'failure',
    code: 'ERR_HTTP_TOO_LARGE',
    message: `The server answered with ${what}${limit}.`,
    ...(allowedBytes !== undefined && { allowedBytes }),
  };
}

const PHASES = {
  connect: 'No connection could be used in time; see limits.http_connect_ms.',
  first_byte: 'The server did not begin its answer in time; see limits.http_first_byte_ms.',
  total: 'The request took longer than its time; see timeout_ms and limits.http_timeout_ms.',
} as const;

export function timeoutFailure(phase: keyof typeof PHASES): HttpFailure {
  return { kind: 'failure', code: 'ERR_HTTP_TIMEOUT', message: PHASES[phase] };
}

/** What an aborted signal means: its own deadline, or the end of the invocation. */
export function abortFailure(signal: AbortSignal): HttpFailure {
  const timedOut = (signal.reason as { readonly name?: unknown } | null)?.name === 'TimeoutError';
  if (timedOut) return timeoutFailure('total');
  return { kind: 'failure', ...refuse('ERR_ABORTED', 'The invocation has ended.') };
}

/** What an error of resolver, connection or protocol means. */
export function failureOf(error: unknown, signal: AbortSignal): HttpFailure {
  if (signal.aborted) return abortFailure(signal);
  if (isFailure(error)) return error;
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return tooLarge(`more than ${RESPONSE_HEADER_BYTES_MAX} bytes of headers`);
  // The code only: a message may carry what the server sent.
  const reason = typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'no usable answer';
  return {
    kind: 'failure',
    code: 'ERR_HTTP_FAILED',
    message: `The request could not be completed: ${reason}.`,
  };
}

function isFailure(error: unknown): error is HttpFailure {
  return (error as { readonly kind?: unknown } | null)?.kind === 'failure';
}
