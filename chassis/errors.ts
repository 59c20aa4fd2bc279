/**
 * The one table of errors: stable code -> gRPC status, HTTP status, retryable, meaning. Every error a caller can see is a
 * MeshError with one of these codes; docs/errors.md is generated from this table and a test compares the two.
 * The wire form (google.rpc.Status with details) is made in status.ts.
 */
import { status as Grpc } from '@grpc/grpc-js';

export interface ErrorKind {
  grpc: Grpc;
  http: number;
  /** True where the same request may succeed later, here or on another instance, and nothing was computed. */
  retryable: boolean;
  /** What it means and what to do, for docs/errors.md. */
  meaning: string;
}

const kind = (grpc: Grpc, http: number, retryable: boolean, meaning: string): ErrorKind => ({
  grpc,
  http,
  retryable,
  meaning,
});

export const ERRORS = {
  // The request is wrong: the caller must change it.
  FIELD_REQUIRED: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'A field that must be given is missing or empty. Set the named field.',
  ),
  FIELD_INVALID: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'A field has a value outside what is allowed (a NaN, a number out of range, an unknown name). The message says what is allowed.',
  ),
  FIELD_UNKNOWN: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The JSON body has a field that the message does not have. The message suggests the nearest name.',
  ),
  OPTION_UNSUPPORTED: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The option is valid but this model cannot do it (for example a pooling or a generation parameter).',
  ),
  TOO_MANY_ITEMS: kind(Grpc.INVALID_ARGUMENT, 400, false, 'A list is longer than its limit. Split the request.'),
  TEXT_TOO_LONG: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'A text is longer than the limit, or longer than the model takes while truncation is refused. Shorten it, chunk it, or allow truncation.',
  ),
  TEXT_NOT_UTF8: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'A string field is not valid UTF-8. Encode the text as UTF-8 before sending.',
  ),
  MESSAGE_INVALID: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The bytes are not a message of the expected type, or the body is not JSON of the expected shape.',
  ),
  MESSAGE_TOO_LARGE: kind(
    Grpc.RESOURCE_EXHAUSTED,
    413,
    false,
    'The message is larger than the server accepts. Split the request.',
  ),
  MODEL_WRONG_TASK: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The model exists but does another task. Name a model of this capability.',
  ),
  MODEL_REFERENCE_INVALID: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The model reference is not "name", "name@version" or "name:alias".',
  ),
  MODEL_UNKNOWN: kind(Grpc.NOT_FOUND, 404, false, 'No model of that name is known. The message lists those that are.'),
  VERSION_UNKNOWN: kind(
    Grpc.NOT_FOUND,
    404,
    false,
    'The model exists, the version does not. The message lists its versions.',
  ),
  ALIAS_UNKNOWN: kind(
    Grpc.NOT_FOUND,
    404,
    false,
    'The model exists, the alias does not. The message lists its aliases.',
  ),
  PIPELINE_UNKNOWN: kind(
    Grpc.NOT_FOUND,
    404,
    false,
    'No pipeline of that name or version is installed. The message lists those that are.',
  ),
  PIPELINE_INVALID: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The pipeline definition does not type-check. Each violation says where.',
  ),
  PIPELINE_INPUT_INVALID: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The input does not fit what the pipeline declares. The message names the field.',
  ),
  METHOD_UNKNOWN: kind(Grpc.UNIMPLEMENTED, 404, false, 'The server has no such method or route.'),
  HTTP_METHOD_NOT_ALLOWED: kind(
    Grpc.UNIMPLEMENTED,
    405,
    false,
    'The route exists but takes another HTTP method. The message says which.',
  ),
  CONTENT_TYPE_UNSUPPORTED: kind(
    Grpc.INVALID_ARGUMENT,
    415,
    false,
    'The HTTP body is not declared as JSON. Send content-type: application/json.',
  ),
  UNAUTHENTICATED: kind(Grpc.UNAUTHENTICATED, 401, false, 'The call carries no valid credentials.'),
  PERMISSION_DENIED: kind(Grpc.PERMISSION_DENIED, 403, false, 'The credentials do not allow this call.'),

  // The mesh cannot answer now.
  MODEL_NOT_READY: kind(
    Grpc.UNAVAILABLE,
    503,
    true,
    'The model version is loading or being replaced. Try again after the delay that comes with the error.',
  ),
  MODEL_FAILED: kind(
    Grpc.FAILED_PRECONDITION,
    409,
    false,
    'The model could not be loaded or run. The message says why; an operator must act.',
  ),
  MODEL_CHANGED: kind(
    Grpc.FAILED_PRECONDITION,
    409,
    false,
    'A file of the model differs from its manifest; versions are immutable. The message names the file.',
  ),
  MODEL_UNSUPPORTED: kind(
    Grpc.FAILED_PRECONDITION,
    409,
    false,
    'The model folder is readable but this version of Plexus cannot run it. The message says which part.',
  ),
  MANIFEST_INVALID: kind(
    Grpc.FAILED_PRECONDITION,
    409,
    false,
    'manifest.json does not fit the schema. The message names file and field.',
  ),
  MEMORY_SHORT: kind(
    Grpc.RESOURCE_EXHAUSTED,
    507,
    false,
    'The model needs more memory than this process has left. The message says how much; unload another model, use fewer workers, or allow more.',
  ),
  QUEUE_FULL: kind(
    Grpc.RESOURCE_EXHAUSTED,
    429,
    true,
    'The queue of the model is at its limit. Try again after the delay that comes with the error.',
  ),
  OVERLOADED: kind(
    Grpc.RESOURCE_EXHAUSTED,
    429,
    true,
    'The server or gateway is at its concurrency limit, or the retry budget is spent. Try again after the delay that comes with the error.',
  ),
  NO_INSTANCE: kind(Grpc.UNAVAILABLE, 503, true, 'No healthy instance of the capability (or of the model) is known.'),
  CIRCUIT_OPEN: kind(
    Grpc.UNAVAILABLE,
    503,
    true,
    'Every instance of the capability is failing and its breaker is open.',
  ),
  UPSTREAM_UNREACHABLE: kind(
    Grpc.UNAVAILABLE,
    503,
    true,
    'The instance did not answer: connection refused, reset or lost.',
  ),
  UPSTREAM_INVALID: kind(Grpc.INTERNAL, 502, false, 'An instance answered with something that is not a valid message.'),
  SHUTTING_DOWN: kind(
    Grpc.UNAVAILABLE,
    503,
    true,
    'The process is draining and takes no new work. Another instance will.',
  ),
  WORKER_LOST: kind(Grpc.UNAVAILABLE, 503, true, 'The worker thread that ran the batch died or hung and was replaced.'),
  INPUT_QUARANTINED: kind(
    Grpc.FAILED_PRECONDITION,
    409,
    false,
    'This very input brought a worker down twice and is refused for a while.',
  ),
  REGISTRY_UNAVAILABLE: kind(
    Grpc.UNAVAILABLE,
    503,
    true,
    'The registry cannot be reached or refuses the token. Traffic goes on with the last known instances.',
  ),
  DEADLINE_EXCEEDED: kind(
    Grpc.DEADLINE_EXCEEDED,
    504,
    false,
    'The deadline passed before the answer was ready. Give more time, or ask for less.',
  ),
  CANCELLED: kind(Grpc.CANCELLED, 499, false, 'The caller went away; the work was stopped.'),
  STEP_FAILED: kind(
    Grpc.INTERNAL,
    502,
    false,
    'A pipeline step failed in a way that has no better code. The message names the step.',
  ),
  INTERNAL: kind(
    Grpc.INTERNAL,
    500,
    false,
    'Something unforeseen. The message carries a reference that the log of the process has, and nothing more.',
  ),

  // Bringing models in (the CLI).
  PULL_SOURCE_INVALID: kind(
    Grpc.INVALID_ARGUMENT,
    400,
    false,
    'The source is not a hub id, an https: or a file: address that Plexus can pull from.',
  ),
  PULL_NOT_FOUND: kind(Grpc.NOT_FOUND, 404, false, 'The hub has no such model, revision or file.'),
  PULL_UNAUTHORIZED: kind(
    Grpc.UNAUTHENTICATED,
    401,
    false,
    'The hub wants a token (HF_TOKEN), or the token does not allow this model.',
  ),
  PULL_UNAVAILABLE: kind(
    Grpc.UNAVAILABLE,
    503,
    true,
    'The hub did not answer properly after all retries. What was downloaded is kept and resumed.',
  ),
  PULL_REFUSED: kind(
    Grpc.FAILED_PRECONDITION,
    409,
    false,
    'A file is not on the allow list, has an unsafe path, or the whole is over the size limit.',
  ),
  PULL_CORRUPT: kind(
    Grpc.DATA_LOSS,
    502,
    false,
    'A downloaded file does not have the size or hash that the hub announced.',
  ),
  USAGE: kind(Grpc.INVALID_ARGUMENT, 400, false, 'The command line is not understood. See --help.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** A field at fault, for google.rpc.BadRequest. */
export interface Violation {
  /** Path from the request's root: "texts[3]". */
  field: string;
  /** What is wrong with it and what is allowed. */
  description: string;
}

export interface MeshErrorOptions {
  /** Fields at fault. */
  violations?: readonly Violation[];
  /** When to try again, in milliseconds; only for retryable codes. */
  retryAfterMs?: number;
  /** Plain facts for machines (ErrorInfo.metadata): model, version, limit. */
  facts?: Readonly<Record<string, string>>;
  /** What caused it; logged, never sent. */
  cause?: unknown;
}

/** The only error that crosses a room's border. The message is safe to send: no paths, no stacks. */
export class MeshError extends Error {
  override readonly name = 'MeshError';
  readonly code: ErrorCode;
  readonly violations: readonly Violation[];
  readonly retryAfterMs: number | undefined;
  readonly facts: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.violations = options.violations ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.facts = options.facts ?? {};
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }

  /** True where another try, later or elsewhere, may succeed. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** An error about one field: `fieldError('FIELD_INVALID', 'top_k', 'must be at most 100, got 500')`. */
export function fieldError(
  code: ErrorCode,
  field: string,
  description: string,
  facts?: Record<string, string>,
): MeshError {
  return new MeshError(code, `${field}: ${description}`, {
    violations: [{ field, description }],
    ...(facts && { facts }),
  });
}

/** What an AbortSignal was aborted with, as a MeshError. */
export function abortReason(signal: Pick<AbortSignal, 'reason'>): MeshError {
  return signal.reason instanceof MeshError ? signal.reason : new MeshError('CANCELLED', 'the call was cancelled');
}
