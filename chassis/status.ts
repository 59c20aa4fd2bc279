/**
 * MeshError to gRPC status and back: google.rpc.Status with ErrorInfo, RetryInfo and BadRequest in grpc-status-details-bin.
 * The only place that knows the wire form. What is not a MeshError becomes INTERNAL with a reference and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Any, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { status as Grpc, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { descriptors } from './descriptors.js';
import { ERRORS, type ErrorCode, MeshError, type Violation } from './errors.js';

const DETAILS = 'grpc-status-details-bin';
const DOMAIN = 'plexus';

/** Any thrown thing as a MeshError; `reference` is what the log has where it was unforeseen. */
export function toMeshError(error: unknown): MeshError {
  if (error instanceof MeshError) return error;
  if (isServiceError(error)) return fromServiceError(error);
  const reference = randomBytes(6).toString('hex');
  return new MeshError('INTERNAL', `internal error, reference ${reference}`, { cause: error, facts: { reference } });
}

/** The status that grpc-js sends. */
export function toStatus(
  error: MeshError,
): Partial<StatusObject> & { code: Grpc; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set(DETAILS, Buffer.from(encodeDetails(error)));
  return { code: error.kind.grpc, details: error.message, metadata };
}

/** The same as a server of our own sends it; `details` goes into grpc-status-details-bin. */
export function toWireStatus(error: MeshError): { code: number; text: string; details: Buffer } {
  const bytes = encodeDetails(error);
  return {
    code: error.kind.grpc,
    text: error.message,
    details: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
}

/** The MeshError behind what grpc-js threw at a client. */
export function fromServiceError(error: ServiceError): MeshError {
  const [details] = error.metadata?.get(DETAILS) ?? [];
  const known = details instanceof Uint8Array ? decodeDetails(details, error.details) : undefined;
  return known ?? new MeshError(guessCode(error), error.details || error.message, { cause: error });
}

/** The MeshError behind a status as it came over the wire; `details` is what grpc-status-details-bin held. */
export function fromWireStatus(code: number, text: string, details: Uint8Array | undefined): MeshError {
  const known = details && decodeDetails(details, text);
  if (known) return known;
  const guess = guessCode({ code, details: text });
  return new MeshError(guess, wordsFor(guess) ?? (text || Grpc[code] || 'UNKNOWN'), { cause: new Error(text) });
}

/** What a status without details of ours says names addresses of the mesh; callers are told the same without them. */
export function wordsFor(code: ErrorCode): string | undefined {
  if (code === 'DEADLINE_EXCEEDED') return 'the deadline passed before the answer was ready';
  if (code === 'UPSTREAM_UNREACHABLE') return 'the instance could not be reached, or was lost during the call';
  return undefined;
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/** The fields of the three detail messages we read, as the descriptors give them. */
interface Detail {
  reason: string;
  domain: string;
  metadata: Record<string, string>;
  retryDelay?: { seconds: bigint; nanos: number };
  fieldViolations: Violation[];
}

function encodeDetails(error: MeshError): Uint8Array {
  const details = [pack('google.rpc.ErrorInfo', { reason: error.code, domain: DOMAIN, metadata: error.facts })];
  if (error.retryAfterMs !== undefined) {
    details.push(pack('google.rpc.RetryInfo', { retryDelay: duration(error.retryAfterMs) }));
  }
  if (error.violations.length > 0) {
    details.push(pack('google.rpc.BadRequest', { fieldViolations: error.violations.slice(0, 100) }));
  }
  const schema = message('google.rpc.Status');
  return toBinary(schema, create(schema, { code: error.kind.grpc, message: error.message, details }));
}

function decodeDetails(bytes: Uint8Array, text: string): MeshError | undefined {
  try {
    const status = fromBinary(message('google.rpc.Status'), bytes) as unknown as { details: Any[] };
    let code: ErrorCode | undefined;
    let facts: Record<string, string> = {};
    let retryAfterMs: number | undefined;
    let violations: Violation[] = [];
    for (const any of status.details) {
      const unpacked = anyUnpack(any, descriptors());
      if (!unpacked) continue;
      const type = unpacked.$typeName;
      const detail = unpacked as unknown as Detail;
      if (type === 'google.rpc.ErrorInfo' && detail.domain === DOMAIN && detail.reason in ERRORS) {
        code = detail.reason as ErrorCode;
        facts = { ...detail.metadata };
      } else if (type === 'google.rpc.RetryInfo') {
        const delay = detail.retryDelay;
        if (delay) retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
      } else if (type === 'google.rpc.BadRequest') {
        violations = detail.fieldViolations.map(({ field, description }) => ({ field, description }));
      }
    }
    if (!code) return undefined;
    return new MeshError(code, text, { facts, violations, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  } catch {
    return undefined; // Details of a foreign peer: the plain status still tells enough.
  }
}

/** The code for a status that carries no details of ours: a foreign peer, or grpc-js itself. */
function guessCode({ code, details }: Pick<ServiceError, 'details'> & { code: number }): ErrorCode {
  switch (code) {
    case Grpc.CANCELLED:
      return 'CANCELLED';
    case Grpc.DEADLINE_EXCEEDED:
      return 'DEADLINE_EXCEEDED';
    case Grpc.INVALID_ARGUMENT:
      return 'FIELD_INVALID';
    case Grpc.NOT_FOUND:
      return 'MODEL_UNKNOWN';
    case Grpc.UNIMPLEMENTED:
      return 'METHOD_UNKNOWN';
    case Grpc.UNAVAILABLE:
      return 'UPSTREAM_UNREACHABLE';
    case Grpc.RESOURCE_EXHAUSTED:
      return /larger than max/i.test(details) ? 'MESSAGE_TOO_LARGE' : 'OVERLOADED';
    case Grpc.UNAUTHENTICATED:
      return 'UNAUTHENTICATED';
    case Grpc.PERMISSION_DENIED:
      return 'PERMISSION_DENIED';
    case Grpc.FAILED_PRECONDITION:
      return 'MODEL_FAILED';
    case Grpc.INTERNAL:
      // What grpc-js makes of a reset stream; the peer died in the middle of an answer.
      return /RST_STREAM|GOAWAY|ECONNRESET|Premature close/i.test(details) ? 'UPSTREAM_UNREACHABLE' : 'INTERNAL';
    default:
      return 'INTERNAL';
  }
}

function pack(type: string, fields: Record<string, unknown>): Any {
  const schema = message(type);
  return anyPack(schema, create(schema, fields));
}

function message(type: string): DescMessage {
  const found = descriptors().getMessage(type);
  if (!found) throw new Error(`${type} is not in the descriptor image`);
  return found;
}

function duration(ms: number): { seconds: bigint; nanos: number } {
  const whole = Math.floor(ms / 1000);
  return { seconds: BigInt(whole), nanos: Math.round((ms - whole * 1000) * 1e6) };
}
