/** An error inside a stream, where a status cannot stand. The same facts as in the status of a call. */
import type { MeshError } from '../chassis/errors.js';
import type { Problem } from '../protos/gen/plexus/v1/Problem.js';

export function problemOf(error: MeshError): Problem {
  const { code, message, violations, retryable, retryAfterMs } = error;
  return {
    code,
    message,
    field: violations[0]?.field ?? '',
    retryable,
    ...(retryAfterMs !== undefined && {
      retryAfter: {
        seconds: Math.floor(retryAfterMs / 1_000),
        nanos: Math.round((retryAfterMs % 1_000) * 1e6),
      },
    }),
  };
}
