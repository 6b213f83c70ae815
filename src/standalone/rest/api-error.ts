/**
 * An answer that is not 2xx. `code` null: plain text, as Tasker's web framework answers what it cannot read; otherwise
 * `{"error": {"code", "message"}}` (worker protocol §6.1).
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;

  constructor(status: number, code: string | null, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const badRequest = (message: string): ApiError => new ApiError(400, 'BAD_REQUEST', message);
export const invalidUuid = (uuid: string): ApiError => new ApiError(400, 'INVALID_UUID', uuid);
export const notFound = (message = 'Resource not found'): ApiError => new ApiError(404, 'NOT_FOUND', message);
export const conflict = (message: string): ApiError => new ApiError(409, 'CONFLICT', message);
export const databaseError = (): ApiError => new ApiError(500, 'DATABASE_ERROR', 'Database operation failed');
export const unavailable = (): ApiError =>
  new ApiError(503, 'SERVICE_UNAVAILABLE', 'Service temporarily unavailable');
