/** MeshError -> HTTP: the status of the table, one JSON body for all errors, Retry-After. Never a path or a stack. */
import type { MeshError } from '../../chassis/errors.js';

export interface ErrorBody {
  error: {
    code: string;
    message: string;
    /** HTTP status. */
    status: number;
    retryable: boolean;
    retry_after_ms?: number;
    violations: { field: string; description: string }[];
    request_id: string;
  };
}

export function errorBody(error: MeshError, requestId: string): ErrorBody {
  return {
    error: {
      code: error.code,
      message: error.message,
      status: error.kind.http,
      retryable: error.retryable,
      ...(error.retryAfterMs !== undefined && { retry_after_ms: Math.ceil(error.retryAfterMs) }),
      violations: error.violations.map(({ field, description }) => ({ field, description })),
      request_id: requestId,
    },
  };
}

/** Whole seconds, as HTTP wants them, rounded up; nothing where no time is known. */
export function retryAfterHeader(error: MeshError): Record<string, string> {
  return error.retryAfterMs === undefined
    ? {}
    : { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) };
}
