/**
 * Every stable error code of the project, with who must act. One list: `docs/errors.md` documents each row and a
 * test compares the two. Match on `code`, never on a message.
 *
 * - `operator`: configuration, environment or a grant has to change
 * - `author`: a handler's module, manifest or behaviour has to change
 * - `workflow`: a template, a step's configuration or its data has to change
 * - `transient`: the same invocation may succeed later
 * - `internal`: a fault of ours
 */
export const ERROR_CODES = {
  // configuration and environment
  ERR_NODE_VERSION: 'operator',
  ERR_CONFIG_INVALID: 'operator',
  ERR_USAGE: 'operator',
  ERR_MISSING_DEPENDENCY: 'operator',
  ERR_PLATFORM_UNSUPPORTED: 'operator',
  ERR_DATABASE_UNAVAILABLE: 'operator',
  ERR_DATABASE_FOREIGN: 'operator',
  ERR_DATABASE_INCOMPATIBLE: 'operator',
  ERR_DATABASE_TLS: 'operator',
  ERR_ALREADY_RUNNING: 'operator',
  ERR_SECRET_UNAVAILABLE: 'operator',
  ERR_TASKER_UNREACHABLE: 'operator',
  ERR_TASKER_REFUSED: 'operator',
  ERR_TAPE_INVALID: 'operator',
  ERR_BROKER_UNREACHABLE: 'operator',
  ERR_BROKER_REFUSED: 'operator',

  // an artifact is refused at admission
  ERR_MODULE_MALFORMED: 'author',
  ERR_MODULE_UNSUPPORTED: 'author',
  ERR_MODULE_TOO_LARGE: 'author',
  ERR_IMPORT_UNKNOWN: 'author',
  ERR_EXPORT_MISSING: 'author',
  ERR_MEMORY_MINIMUM: 'author',
  ERR_ADMISSION_TIME: 'author',
  ERR_ADMISSION_MEMORY: 'author',
  ERR_ADMISSION_LOST: 'transient',
  ERR_MANIFEST_INVALID: 'author',
  ERR_HANDLER_BUILD: 'author',
  ERR_CATALOG_INVALID: 'author',

  // an invocation is refused before it runs
  ERR_HANDLER_UNKNOWN: 'workflow',
  ERR_CONFIG_SCHEMA: 'workflow',
  ERR_REFERENCE_UNRESOLVED: 'workflow',
  ERR_TEMPLATE_INVALID: 'workflow',
  ERR_INPUT_INVALID: 'workflow',
  ERR_INPUT_TOO_LARGE: 'workflow',
  ERR_GRANT_MISSING: 'operator',

  // what a guest did
  ERR_GUEST_TRAP: 'author',
  ERR_GUEST_ABORT: 'author',
  ERR_GUEST_RETURN: 'author',
  ERR_GUEST_POINTER: 'author',
  ERR_GUEST_PROTOCOL: 'author',
  ERR_SECRET_LEAK: 'author',
  ERR_OUTPUT_MISSING: 'author',
  ERR_OUTPUT_INVALID: 'author',
  ERR_OUTPUT_SCHEMA: 'author',
  ERR_RESULT_SCHEMA: 'workflow',
  ERR_LIMIT_FUEL: 'author',
  ERR_LIMIT_MEMORY: 'author',
  ERR_LIMIT_DEPTH: 'author',
  ERR_LIMIT_WALL_TIME: 'transient',
  ERR_LIMIT_OUTPUT: 'author',
  ERR_LIMIT_LOG: 'author',
  ERR_LIMIT_HOST_CALLS: 'author',
  ERR_LIMIT_CHECKPOINTS: 'author',
  ERR_OUTCOME_INVALID: 'workflow',
  ERR_WAIT_TOO_LONG: 'workflow',
  ERR_WAIT_TIMEOUT: 'workflow',
  ERR_WAIT_REJECTED: 'workflow',
  ERR_WAIT_UNKNOWN: 'operator',

  // answers of the host-call boundary to a guest
  ERR_HOST_CALL_INVALID: 'author',
  ERR_GRANT_REQUESTS: 'author',
  ERR_GRANT_BYTES: 'author',
  ERR_GRANT_RATE: 'transient',
  ERR_HTTP_ADDRESS: 'operator',
  ERR_HTTP_FAILED: 'transient',
  ERR_HTTP_TIMEOUT: 'transient',
  ERR_HTTP_TOO_LARGE: 'workflow',
  ERR_HTTP_REDIRECTS: 'workflow',
  ERR_SECRET_DENIED: 'operator',
  ERR_CACHE_UNAVAILABLE: 'operator',
  ERR_CACHE_TOO_LARGE: 'workflow',

  // ours
  ERR_LANE_LOST: 'transient',
  ERR_LANE_CRASHED: 'author',
  ERR_HANDLER_QUARANTINED: 'operator',
  ERR_ABORTED: 'transient',
  ERR_ORPHANED: 'transient',
  ERR_MESSAGE_INVALID: 'operator',
  ERR_INTERNAL: 'internal',
} as const satisfies Record<`ERR_${string}`, 'operator' | 'author' | 'workflow' | 'transient' | 'internal'>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Machine-readable facts of an error. Never a payload and never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** The one exception class of the broker. What a guest does is never thrown: it is an `Outcome`. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = Object.freeze({ ...options.details });
  }
}

/** True for our own errors, also across copies of this package. */
export function isBrokerError(error: unknown): error is BrokerError {
  return error instanceof Error && error.name === 'BrokerError' && 'code' in error;
}

/** The message of anything thrown, for one-line reports. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
